"""How the stand-in talks to an object store: signing, requests, retries, and what it takes an answer for."""
