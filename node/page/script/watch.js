// A job while it runs: six stages, what is happening in words, the transcript as it is made.

function stageStrip(state) {
  return h("ol", { class: "kk-stages" }, state.stages.map((stage) => {
    const running = stage.status === "running";
    const done = stage.status === "done" || stage.status === "resumed";
    const told = done ? t("status_SUCCEEDED") : running ? percent(stage.fraction) : t("status_QUEUED");
    return h("li", {
      class: `kk-stage kk-${stage.status}`,
      "aria-current": running ? "step" : null,
      vars: { "--fraction": done ? 1 : stage.fraction },
    },
      h("span", { class: "kk-stage-name" }, done ? icon("check") : null, t(`stage_${stage.stage}`)),
      h("span", { class: "kk-stage-told" }, told),
      h("span", { class: "kk-bar", "aria-hidden": "true" }));
  }));
}

function statusLine(state) {
  const words = [];
  if (state.status === "QUEUED") words.push(state.position ? t("position", { n: state.position }) : t("position_next"));
  if (state.status === "RUNNING") {
    words.push(percent(state.fraction));
    if (state.left_ms) words.push(t("left", { time: clock(state.left_ms) }));
    if (state.message) words.push(state.message);
  }
  return h("p", { class: "kk-now", role: "status" },
    h("strong", { class: `kk-status kk-status-${state.status}` }, t(`status_${state.status}`)),
    h("span", {}, words.join(" · ")));
}

function notes(state) {
  const all = [...new Set([...state.notes, state.shortfall].filter(Boolean))];
  if (!all.length) return null;
  return h("details", { class: "kk-notes", open: state.status === "RUNNING" },
    h("summary", {}, `${t("notes")} (${all.length})`),
    h("ul", {}, all.map((note) => h("li", {}, note))));
}

function receipt(state) {
  const r = state.receipt;
  if (!r) return null;
  const values = { time: duration(r.wall_s), money: r.usd === null ? "" : t("forecast_money", { money: money(r.usd) }) };
  if (r.off_by === null) return h("p", { class: "kk-receipt" }, t("receipt_plain", values));
  const off = Math.abs(r.off_by) < 0.05 ? t("off_exact")
    : t(r.off_by > 0 ? "off_longer" : "off_shorter", { percent: percent(Math.abs(r.off_by)) });
  return h("p", { class: "kk-receipt" }, t("receipt", { ...values, off }));
}

function problem(state, actions) {
  if (state.status !== "FAILED" && state.status !== "CANCELLED") return null;
  const failed = state.status === "FAILED";
  return h("div", { class: `kk-problem ${failed ? "kk-bad" : ""}`, role: failed ? "alert" : null },
    h("h2", {}, t(`status_${state.status}`)),
    failed && state.problem ? h("p", { class: "kk-problem-text" }, state.problem.message) : null,
    h("p", {}, t("failed_hint")),
    h("div", { class: "kk-row" },
      h("button", { class: "kk-button kk-primary", onclick: actions.retry, "data-key": "retry" }, t("retry")),
      h("button", { class: "kk-button", onclick: actions.leave, "data-key": "leave" }, t("new_job"))));
}

// The transcript grows at its end; older lines are never touched, so reading is not disturbed.
function liveTranscript() {
  const list = h("ol", { class: "kk-live-list", "data-scroll": "live", tabindex: "0", "aria-label": t("transcript_live") });
  const empty = h("p", { class: "kk-empty" }, t("transcript_wait"));
  const root = h("section", { class: "kk-panel kk-live" }, h("h2", {}, t("transcript_live")), empty, list);
  let shown = 0;
  return {
    root,
    get shown() { return shown; },
    add(sentences) {
      if (!sentences.length) return;
      empty.hidden = true;
      const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
      for (const sentence of sentences) {
        list.append(h("li", {}, h("time", {}, clock(sentence.start_ms)), h("span", { dir: "auto" }, sentence.text)));
      }
      shown += sentences.length;
      if (atEnd) list.scrollTop = list.scrollHeight;
    },
  };
}
