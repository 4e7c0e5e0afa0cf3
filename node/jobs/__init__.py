"""The session's jobs: a queue, one child process at a time, edits beside it, and what survives a kill -9."""
