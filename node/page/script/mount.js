// Called by the page's component once it is there: the header's buttons, then the app.

window.KangKlip = {
  mount(element, server, watch, props, facts) {
    if (element.dataset.mounted) return;
    element.dataset.mounted = "yes";
    useWords(facts.words);
    link.server = server;
    document.documentElement.lang = language;
    translate(document.body);
    new MutationObserver(() => translate(document.body)).observe(document.getElementById("kk-start"), { childList: true, subtree: true });
    const root = element.querySelector(".kk-app-body");
    const app = new App(root, facts.offers);
    header(app);
    watch("value", () => {
      const started = props.value || {};
      if (started.job_id) app.open(started.job_id);
      else if (started.refused) app.toast(started.refused);
    });
  },
};

// Words that the server could only put there in English, and forecasts, which it gives as numbers.
function translate(root) {
  for (const span of root.querySelectorAll("[data-word]")) {
    const text = t(span.dataset.word);
    if (span.textContent !== text) span.textContent = text;
  }
  for (const span of root.querySelectorAll("[data-forecast]")) {
    const [length, total, usd] = span.dataset.forecast.split(",");
    const text = t("forecast", {
      length: clock(Number(length)), time: duration(Number(total)),
      money: usd ? t("forecast_money", { money: money(Number(usd)) }) : "",
    });
    if (span.textContent !== text) span.textContent = text;
  }
}

function header(app) {
  const bar = document.querySelector("#kk-header .kk-row");
  if (!bar) return;
  bar.querySelector(".kk-brand").addEventListener("click", (event) => { event.preventDefault(); app.open(""); });
  bar.append(
    h("button", { class: "kk-button kk-small", "aria-label": t("help"), title: t("help"), onclick: shortcutsDialog }, icon("help")),
    h("button", { class: "kk-button kk-small", "aria-label": t("theme"), title: t("theme"), onclick: switchTheme }, icon("dark")));
}

function switchTheme() {
  const dark = document.body.classList.toggle("dark");
  try { localStorage.setItem("kk-theme", dark ? "dark" : "light"); } catch (error) { /* private windows refuse; the choice then lasts as long as the page */ }
}

try {
  const kept = localStorage.getItem("kk-theme");
  if (kept) document.addEventListener("DOMContentLoaded", () => document.body.classList.toggle("dark", kept === "dark"));
} catch (error) { /* as above */ }
