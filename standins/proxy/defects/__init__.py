"""The defects, one module per area of the suites; each exports `DEFECTS`."""
