"""The way to the launcher: grants asked for, progress and outcomes told until they are taken."""
