"""TDS 7.4 and 8.0, as much of it as Microsoft's driver asks for."""
