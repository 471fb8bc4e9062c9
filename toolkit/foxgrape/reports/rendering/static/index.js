"use strict";
// Search and filter the list; without this it is a plain list of everything.
(function () {
  const form = document.querySelector("form");
  const told = form.querySelector("output");
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const runs = [...document.querySelectorAll("main li[data-template]")].map((item) => ({
    item,
    ...item.dataset,
    places: JSON.parse(item.dataset.places),
    text: null,
  }));

  function fits(run, asked) {
    if (asked.template && run.template !== asked.template) return false;
    if (asked.status && run.status !== asked.status) return false;
    if (asked.place && !run.places.includes(asked.place)) return false;
    // A period fits if it has a day in common; a run without one fits no period.
    if (asked.since && !(run.until >= asked.since)) return false;
    if (asked.until && !(run.since <= asked.until)) return false;
    run.text ??= plain(run.item.textContent);
    return asked.words.every((word) => run.text.includes(word));
  }

  function filter() {
    const asked = Object.fromEntries(new FormData(form));
    asked.words = plain(asked.words).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const run of runs) {
      const hidden = !fits(run, asked);
      shown += !hidden;
      if (run.item.hidden !== hidden) run.item.hidden = hidden;
    }
    const whole = shown === runs.length;
    told.textContent = whole ? "" : `${shown} of ${runs.length} ${runs.length === 1 ? "run" : "runs"}`;
  }

  form.hidden = runs.length === 0;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  // A browser that goes back fills in what was asked.
  window.addEventListener("pageshow", filter);
})();
