// The clip's transcript as text: words are cut, corrected or played by a click; the edges move by sentences.

function textEditor(clip, text, mode, actions) {
  const inside = text.sentences.filter((s) => s.inside);
  return h("div", { class: "kk-text" },
    h("div", { class: "kk-row kk-wrap" },
      modeSwitch(mode, actions),
      h("span", { class: "kk-spacer" }),
      h("span", { class: "kk-edges" }, edge("clip_start", "start", actions), edge("clip_end", "end", actions))),
    h("div", { class: "kk-words", "data-scroll": `words-${clip.index}` },
      text.before ? more("more_before", () => actions.more("before")) : null,
      text.sentences.map((sentence) => sentenceLine(sentence, inside, mode, actions)),
      text.after ? more("more_after", () => actions.more("after")) : null));
}

function modeSwitch(mode, actions) {
  return h("fieldset", { class: "kk-modes" }, h("legend", {}, t("mode")),
    ["cut", "fix", "play"].map((name) => h("label", {},
      h("input", { type: "radio", name: "kk-mode", value: name, checked: name === mode, "data-key": `mode-${name}`, onchange: () => actions.mode(name) }),
      h("span", {}, t(`mode_${name}`)))));
}

function edge(label, which, actions) {
  const button = (step) => h("button", {
    class: "kk-button kk-small", "data-key": `${which}-${step}`,
    "aria-label": t(`${which}_${step}`), title: t(`${which}_${step}`),
    onclick: () => actions.move(which, step === "earlier" ? -1 : 1),
  }, icon(step));
  return h("span", { class: "kk-edge" }, button("earlier"), h("span", {}, t(label)), button("later"));
}

function more(key, act) {
  return h("button", { class: "kk-link", "data-key": key, onclick: act }, t(key));
}

function sentenceLine(sentence, inside, mode, actions) {
  const first = inside.length && sentence.id === inside[0].id;
  const last = inside.length && sentence.id === inside[inside.length - 1].id;
  const line = h("p", {
    class: `kk-sentence ${sentence.inside ? "kk-inside" : "kk-outside"} ${first ? "kk-first" : ""} ${last ? "kk-last" : ""}`,
    dir: "auto", role: "group", "aria-label": t("group_sentence", { n: sentence.id + 1 }),
  });
  if (!sentence.inside) {
    const starts = !inside.length || sentence.id < inside[0].id;
    line.append(
      h("span", {}, sentence.words.map((w) => w.text).join(" ")), " ",
      h("button", {
        class: "kk-link", "data-key": `edge-${sentence.id}`,
        onclick: () => actions.edgeAt(starts ? "start" : "end", sentence.id),
      }, t(starts ? "start_here" : "end_here")));
    return line;
  }
  for (const word of sentence.words) line.append(wordButton(sentence, word, mode, actions), " ");
  return line;
}

function wordButton(sentence, word, mode, actions) {
  const shown = word.cut || word.shown === "" ? word.text : word.shown;
  const button = h("button", {
    class: `kk-word ${word.cut ? "kk-cut" : ""} ${word.shown !== word.text ? "kk-changed" : ""} ${word.shown === "" ? "kk-hidden-word" : ""}`,
    "data-key": `w-${sentence.id}.${word.n}`,
    "data-start": word.start_ms, "data-end": word.end_ms,
    "aria-pressed": mode === "cut" ? String(word.cut) : null,
    "aria-label": word.cut ? `${shown} (${t("cut_word")})` : null,
    title: clock(word.start_ms),
  }, shown);
  button.addEventListener("click", (event) => {
    if (mode === "cut") actions.cut(sentence.id, word, event.shiftKey);
    else if (mode === "fix") correct(button, sentence, word, actions);
    else actions.play(word);
  });
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const words = [...button.closest(".kk-words").querySelectorAll(".kk-word")];
    words[words.indexOf(button) + step]?.focus();
    event.preventDefault();
    event.stopPropagation();
  });
  return button;
}

function correct(button, sentence, word, actions) {
  const input = h("input", {
    class: "kk-word-input", value: word.shown, size: Math.max(4, word.shown.length + 1), maxlength: 80, dir: "auto",
    "aria-label": t("word_text", { word: word.text }),
  });
  let done = false;
  const finish = (save) => {
    if (done) return;
    done = true;
    if (save && input.value !== word.shown) actions.reword(sentence.id, word, input.value.trim());
    else input.replaceWith(button);
    if (!save) button.focus();
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") finish(true);
    if (event.key === "Escape") finish(false);
  });
  input.addEventListener("blur", () => finish(true));
  button.replaceWith(input);
  input.focus();
  input.select();
}

// Lights the word that is being said; `at` is clip time, words know the film's.
function lightWord(root, clip, at) {
  const film = filmTime(clip, at);
  root.querySelectorAll(".kk-word.kk-said").forEach((w) => w.classList.remove("kk-said"));
  for (const word of root.querySelectorAll(".kk-word:not(.kk-cut)")) {
    if (Number(word.dataset.start) <= film && film < Number(word.dataset.end)) {
      word.classList.add("kk-said");
      return;
    }
  }
}

function filmTime(clip, at) {
  let film = clip.start_ms + at;
  for (const gap of clip.removed) if (gap.start_ms <= film) film += gap.end_ms - gap.start_ms;
  return film;
}

function clipTime(clip, film) {
  let at = film - clip.start_ms;
  for (const gap of clip.removed) if (gap.start_ms < film) at -= Math.min(film, gap.end_ms) - gap.start_ms;
  return Math.max(0, at);
}
