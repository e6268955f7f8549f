"""What a run leaves behind: the register it was judged by, its file, and every report made from it."""
