"""The session node: a Gradio page, named endpoints and agent tools over one pipeline."""
