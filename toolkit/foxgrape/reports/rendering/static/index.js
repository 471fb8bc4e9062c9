"use strict";
// Search and filter the list of runs; without scripts the page is a plain list.
(function () {
  const form = document.querySelector("form");
  const count = form.querySelector("output");
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const runs = [...document.querySelectorAll("main li[data-template]")].map((item) => ({
    item,
    ...item.dataset,
    places: JSON.parse(item.dataset.places),
    text: null,
  }));

  function matches(run, filters) {
    if (filters.template && run.template !== filters.template) return false;
    if (filters.status && run.status !== filters.status) return false;
    if (filters.place && !run.places.includes(filters.place)) return false;
    // Periods match if they overlap; a run without a period matches none.
    if (filters.since && !(run.until >= filters.since)) return false;
    if (filters.until && !(run.since <= filters.until)) return false;
    // Runs of one report share their title and parameters, which are above them.
    run.text ??= fold(`${run.words || ""} ${run.item.textContent}`);
    return filters.words.every((word) => run.text.includes(word));
  }

  function filter() {
    const filters = Object.fromEntries(new FormData(form));
    filters.words = fold(filters.words).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const run of runs) {
      const hidden = !matches(run, filters);
      shown += !hidden;
      if (run.item.hidden !== hidden) run.item.hidden = hidden;
    }
    for (const entry of document.querySelectorAll("section.entry")) {
      entry.hidden = !entry.querySelector("li:not([hidden])");
    }
    const all = shown === runs.length;
    count.textContent = all ? "" : `${shown} of ${runs.length} ${runs.length === 1 ? "run" : "runs"}`;
  }

  form.hidden = runs.length === 0;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  // After going back, browsers restore the fields without an input event.
  window.addEventListener("pageshow", filter);
})();
