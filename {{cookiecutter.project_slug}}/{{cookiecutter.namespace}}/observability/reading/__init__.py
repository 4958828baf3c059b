"""How lines are read: found in rotated files, merged in order of time, shown to people."""
