// Taking things away: files, the zip, a share link, words for each platform.

function takeAway(clip, state, actions) {
  const task = clip.task && clip.task.kind === "full" && !["SUCCEEDED", "FAILED", "CANCELLED"].includes(clip.task.status) ? clip.task : null;
  return h("div", { class: "kk-away" },
    h("p", { class: "kk-quiet", role: "status" }, task ? t("rendering", { percent: percent(task.fraction) })
      : clip.rendered ? t("rendered") : t("not_rendered")),
    h("div", { class: "kk-row kk-wrap" },
      clip.rendered
        ? h("button", { class: "kk-button kk-primary", "data-key": "download", onclick: (e) => actions.download(e, clip, "video") }, icon("download"), t("download"))
        : h("button", { class: "kk-button kk-primary", "data-key": "render", disabled: Boolean(task), onclick: () => actions.render(clip) },
            task ? t("rendering", { percent: percent(task.fraction) }) : t("render")),
      h("button", { class: "kk-button", "data-key": "zip", onclick: (e) => actions.zip(e) }, icon("download"), t("download_all")),
      h("button", { class: "kk-button", "data-key": "share", onclick: (e) => actions.share(e) }, icon("share"), t("share"))),
    h("div", { class: "kk-row kk-wrap" }, state.files.map((file) =>
      h("button", { class: "kk-button kk-small", "data-key": `file-${file}`, onclick: (e) => actions.download(e, clip, file) },
        has(`file_${file}`) ? t(`file_${file}`) : file))),
    h("fieldset", { class: "kk-texts" }, h("legend", {}, t("post_text")),
      h("div", { class: "kk-row kk-wrap" }, Object.keys(clip.texts).map((platform) =>
        h("button", { class: "kk-button kk-small", "data-key": `copy-${platform}`, onclick: (e) => copy(e.currentTarget, clip.texts[platform]) },
          icon("copy"), has(`platform_${platform}`) ? t(`platform_${platform}`) : platform)))));
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    // Without HTTPS there is no clipboard for pages; a selected text field still copies.
    const area = h("textarea", { value: text, style: { position: "fixed", opacity: 0 } });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = [...button.childNodes];
  button.replaceChildren(icon("check"), t("copied"));
  button.setAttribute("aria-live", "polite");
  setTimeout(() => button.replaceChildren(...before), 1500);
}

function save(url, name) {
  const anchor = h("a", { href: address(url), download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

function dialog(title, ...content) {
  const made = h("dialog", { class: "kk-dialog", "aria-label": title });
  made.append(
    h("div", { class: "kk-row kk-between" }, h("h2", {}, title),
      h("button", { class: "kk-button kk-small", "aria-label": t("close"), onclick: () => made.close() }, icon("close"))),
    ...content.flat().filter(Boolean));
  made.addEventListener("close", () => made.remove());
  made.addEventListener("click", (event) => { if (event.target === made) made.close(); });
  document.querySelector(".kk-app").append(made);
  made.showModal();
  return made;
}

function shareDialog(link) {
  const field = h("input", { class: "kk-input", value: link, readonly: true, "aria-label": t("share"), onfocus: (e) => e.target.select() });
  dialog(t("share"), h("p", {}, t("share_link")), field,
    h("div", { class: "kk-row" },
      h("button", { class: "kk-button kk-primary", onclick: (e) => copy(e.currentTarget, link) }, icon("copy"), t("copy"))));
}

function shortcutsDialog() {
  const keys = [["Space, K", "key_space"], ["J, L", "key_jl"], ["[ ]", "key_brackets"], ["← →", "key_arrows"],
    ["Z", "key_z"], ["R", "key_r"], ["D", "key_d"], ["?", "key_help"]];
  dialog(t("help"), h("dl", { class: "kk-keys" }, keys.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(what))])));
}
