"""Backup media: what the stand-in writes into objects, and how it reads them back."""
