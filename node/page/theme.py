"""The page's theme: ink on paper, marigold for what to press; the same sheet in light and dark."""

from __future__ import annotations

import gradio as gr


def theme() -> gr.themes.Base:
    """Gradio's components in the colours of `page.css`; system fonts, so nothing is fetched."""
    made = gr.themes.Base(
        primary_hue=gr.themes.colors.amber,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    return made.set(
        body_background_fill="#faf8f3",
        body_background_fill_dark="#121418",
        body_text_color="#16181d",
        body_text_color_dark="#f3f1ea",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1b1e24",
        block_border_color="#d9d6cd",
        block_border_color_dark="#333842",
        block_label_text_color="#16181d",
        block_label_text_color_dark="#f3f1ea",
        block_title_text_color="#16181d",
        block_title_text_color_dark="#f3f1ea",
        block_info_text_color="#5b6270",
        block_info_text_color_dark="#a9afbb",
        body_text_color_subdued="#5b6270",
        body_text_color_subdued_dark="#a9afbb",
        input_background_fill="#faf8f3",
        input_background_fill_dark="#121418",
        input_placeholder_color="#6b7280",
        input_placeholder_color_dark="#9aa1ad",
        button_primary_background_fill="#ffc53d",
        button_primary_background_fill_dark="#ffc53d",
        button_primary_background_fill_hover="#ffb300",
        button_primary_background_fill_hover_dark="#ffb300",
        button_primary_text_color="#1d1600",
        button_primary_text_color_dark="#1d1600",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#1b1e24",
        button_secondary_text_color="#16181d",
        button_secondary_text_color_dark="#f3f1ea",
    )
