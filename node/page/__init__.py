"""The page: a start form of Gradio's components, and the studio, which is our own script in one component."""
