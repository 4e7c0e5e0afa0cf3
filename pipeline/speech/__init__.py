"""Turning sound, or somebody's own transcript, into timed words. Only `pipeline.asr` comes in here."""
