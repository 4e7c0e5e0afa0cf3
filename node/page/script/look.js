// The options of a clip, drawn from what the pipeline says it offers: a new one appears by itself.

function lookEditor(clip, offered, actions) {
  return h("div", { class: "kk-look" },
    titleField(clip, actions),
    offered.map((offer) => offerField(clip, offer, actions)));
}

function titleField(clip, actions) {
  const input = h("input", { class: "kk-input", value: clip.title, maxlength: 200, dir: "auto", "data-key": "title-input", id: "kk-title-input" });
  const save = () => input.value.trim() && input.value !== clip.title && actions.retitle(input.value.trim());
  input.addEventListener("change", save);
  return h("div", { class: "kk-field" }, h("label", { for: "kk-title-input" }, t("title")), input);
}

function offerField(clip, offer, actions) {
  const key = `look_${offer.name}`;
  const label = has(key) ? t(key) : offer.label;
  const now = clip.look[offer.name];
  return h("fieldset", { class: "kk-offer" }, h("legend", {}, label),
    h("div", { class: "kk-choices" }, offer.values.map((value) => h("label", { class: "kk-choice", title: value.description },
      h("input", {
        type: "radio", name: `kk-look-${offer.name}`, value: value.name, checked: value.name === now,
        "data-key": `look-${offer.name}-${value.name}`,
        onchange: () => actions.restyle(offer.name, value.name),
      }),
      value.picture ? h("img", { src: value.picture, alt: "", width: 120, height: 68 }) : null,
      h("span", {}, has(`value_${offer.name}_${value.name}`) ? t(`value_${offer.name}_${value.name}`) : value.label)))),
    h("p", { class: "kk-quiet" }, (offer.values.find((v) => v.name === now) || { description: "" }).description));
}

function alternatives(clip, actions) {
  if (!clip.alternatives.length) return h("p", { class: "kk-empty" }, t("others_none"));
  return h("ul", { class: "kk-ledger", "data-scroll": "others" }, clip.alternatives.map((item) => h("li", {},
    h("div", {},
      h("strong", { dir: "auto" }, item.title),
      h("span", { class: "kk-quiet" }, `${clock(item.start_ms)}–${clock(item.end_ms)} · ${t("score_n", { n: item.score })}`),
      h("p", {}, item.why)),
    h("button", { class: "kk-button", "data-key": `use-${item.first}-${item.last}`, onclick: () => actions.trim(item.first, item.last) },
      t("use_instead")))));
}
