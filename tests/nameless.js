// What can be operated but has no name for those who do not see it.
() => [...document.querySelectorAll(".kk-app button, .kk-app input, .kk-app video, #kk-start input, #kk-start button, #kk-start textarea")]
  .filter((e) => e.offsetParent || e.matches("[type=radio]"))
  .filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.title || e.labels?.length))
  .map((e) => e.outerHTML.slice(0, 120))
