"""The start form: what to make clips of, and how. Gradio's own components, so uploads show progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from node.page.parts import picture
from pipeline.captions.styles import STYLES

LANGUAGES = [
    ("English", "en"), ("Bahasa Indonesia", "id"), ("Español", "es"), ("Français", "fr"), ("Deutsch", "de"),
    ("Português", "pt"), ("Italiano", "it"), ("Nederlands", "nl"), ("Türkçe", "tr"), ("Русский", "ru"),
    ("العربية", "ar"), ("हिन्दी", "hi"), ("中文", "zh"), ("日本語", "ja"),
    ("한국어", "ko"), ("Tiếng Việt", "vi"), ("ไทย", "th"),
]  # fmt: skip
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Form:
    """The components, in the order in which `asked` takes their values."""

    link: gr.Textbox
    upload: gr.File
    length: gr.Radio
    count: gr.Slider
    language: gr.Dropdown
    focus: gr.Textbox
    style: gr.HTML
    shortest: gr.Textbox
    longest: gr.Textbox
    output_language: gr.Dropdown
    transcript: gr.File
    sample: gr.Button
    start: gr.Button
    forecast: gr.HTML

    @property
    def values(self) -> list[Any]:
        return [
            self.link, self.upload, self.length, self.count, self.language, self.focus, self.style,
            self.shortest, self.longest, self.output_language, self.transcript,
        ]  # fmt: skip


def form(i18n: gr.I18n) -> Form:
    """Lay the form out inside the Blocks under construction."""
    gr.HTML(f'<div class="kk-hero"><h1>{_tagline()}</h1></div>', elem_id="kk-hero", apply_default_css=False)
    with gr.Row(equal_height=True):
        link = gr.Textbox(
            label=i18n("link"), placeholder=i18n("link_hint"), elem_id="kk-link", scale=3, max_lines=1
        )
        sample = gr.Button(i18n("sample"), elem_id="kk-sample", scale=1, min_width=150)
    upload = gr.File(
        label=i18n("upload"), file_types=["video", "audio", ".mkv", ".ts", ".mxf"], type="filepath",
        elem_id="kk-upload", height=148,
    )  # fmt: skip
    with gr.Row():
        length = gr.Radio(
            [("30 s", 30), ("45 s", 45), ("60 s", 60)], value=45, label=i18n("length"), elem_id="kk-length"
        )
        count = gr.Slider(1, 5, value=3, step=1, label=i18n("count"), elem_id="kk-count")
    focus = gr.Textbox(
        label=i18n("focus"), placeholder=i18n("focus_hint"), elem_id="kk-focus", max_lines=1, max_length=500
    )
    style = _styles()
    with gr.Accordion(i18n("advanced"), open=False, elem_id="kk-advanced"):
        with gr.Row():
            language = gr.Dropdown(
                [("auto", AUTO), *LANGUAGES], value=AUTO, label=i18n("language"), elem_id="kk-language"
            )
            output_language = gr.Dropdown(
                [("auto", AUTO), *LANGUAGES], value=AUTO, label=i18n("output_language")
            )
        with gr.Row():
            # no gr.Number: an empty one becomes 0 as soon as it is shown
            empty = i18n("open_bound")
            shortest = gr.Textbox(
                label=i18n("shortest"), placeholder=empty, max_lines=1, elem_id="kk-shortest"
            )
            longest = gr.Textbox(label=i18n("longest"), placeholder=empty, max_lines=1, elem_id="kk-longest")
        transcript = gr.File(
            label=i18n("own_transcript"), file_types=[".srt", ".vtt", ".json"], type="filepath",
            elem_id="kk-transcript", height=148,
        )  # fmt: skip
    forecast = gr.HTML("", elem_id="kk-forecast", apply_default_css=False)
    start = gr.Button(i18n("start"), variant="primary", size="lg", elem_id="kk-go")
    return Form(
        link, upload, length, count, language, focus, style, shortest, longest, output_language,
        transcript, sample, start, forecast,
    )  # fmt: skip


def _tagline() -> str:
    """Put there by the script in the visitor's language; English until then."""
    from node.page.parts import words

    return f'<span data-word="tagline">{words()["en"]["tagline"]}</span>'


def _styles() -> gr.HTML:
    """The caption styles as pictures to choose from; the component's value is the style's name."""
    choices = "".join(
        f'<label title="{style.description}"><input type="radio" name="kk-style" value="{style.name}" '
        f"${{value === '{style.name}' ? 'checked' : ''}}>"
        f'<img src="{picture(style.name)}" alt="{style.description}" width="240" height="135">'
        f"<span>{style.name.capitalize()}</span></label>"
        for style in STYLES.values()
    )
    legend = '<legend class="kk-style-legend"><span data-word="style">Captions</span></legend>'
    return gr.HTML(
        next(iter(STYLES)),
        html_template=f'<fieldset>{legend}<div class="kk-style-grid">{choices}</div></fieldset>',
        js_on_load="element.addEventListener('change', (e) => { props.value = e.target.value; });",
        elem_id="kk-style",
        apply_default_css=False,
    )
