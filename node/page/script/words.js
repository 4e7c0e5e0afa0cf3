// The interface's words, in the browser's language; the same table as Gradio's own components use.

function pickLanguage(tables) {
  for (const tag of navigator.languages || [navigator.language]) {
    const short = tag.split("-")[0].toLowerCase();
    if (tables[short]) return short;
  }
  return "en";
}

let language = "en";
let table = {};
let english = {};

function useWords(tables) {
  language = pickLanguage(tables);
  table = tables[language];
  english = tables.en;
}

// t("left", { time: "2:03" }) fills {time}; an unknown key shows itself, so that it is noticed.
function t(key, values) {
  const text = table[key] || english[key] || key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (values && name in values ? values[name] : whole));
}

function has(key) {
  return key in english;
}

function clock(ms) {
  const s = Math.floor(ms / 1000);
  const minutes = Math.floor(s / 60) % 60;
  const tail = `${String(minutes).padStart(s >= 3600 ? 2 : 1, "0")}:${String(s % 60).padStart(2, "0")}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${tail}` : tail;
}

function seconds(ms) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(ms / 1000) + " s";
}

function duration(s) {
  if (s < 90) return t("about_seconds", { n: Math.max(5, Math.round(s / 5) * 5) });
  return t("about_minutes", { n: new Intl.NumberFormat(language, { maximumFractionDigits: s < 600 ? 1 : 0 }).format(s / 60) });
}

function money(usd) {
  return new Intl.NumberFormat(language, { style: "currency", currency: "USD", maximumFractionDigits: usd < 0.1 ? 3 : 2 }).format(usd);
}

function percent(fraction) {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(fraction);
}
