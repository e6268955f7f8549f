"""Provider profiles: what a vendor's set-up is, where it is, and how it differs; one TOML file each."""
