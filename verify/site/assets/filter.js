// Filters a list that the page shows in full: choices are kept in the address, so that they can be sent and gone back to.
// Entries carry `data-facts`, a list of facts; one that holds everything chosen keeps its entry in view.

for (const form of document.querySelectorAll("form.verify-filters")) {
  const list = document.getElementById(form.getAttribute("aria-controls"));
  const entries = [...list.querySelectorAll("[data-facts]")].map((element) => ({
    element,
    facts: JSON.parse(element.dataset.facts),
    text: element.textContent.toLowerCase(),
  }));
  const groups = [...list.querySelectorAll("[data-group]")];
  const fields = [...form.elements].filter((field) => field.name);
  const status = form.querySelector("[role=status]");
  const reset = form.querySelector("[type=reset]");
  const none = list.querySelector(".verify-filters__none");

  /** Show what agrees with the fields. */
  const show = () => {
    const chosen = fields.filter((field) => field.tagName === "SELECT" && field.value);
    const words = fields.filter((field) => field.type === "search").flatMap((field) => field.value.toLowerCase().split(/\s+/));
    const agrees = ({ facts, text }) =>
      facts.some((fact) => chosen.every(({ name, value }) => fact[name]?.includes(value))) &&
      words.every((word) => text.includes(word));
    let shown = 0;
    for (const entry of entries) {
      entry.element.hidden = !agrees(entry);
      shown += !entry.element.hidden;
    }
    for (const group of groups) group.hidden = !group.querySelector("[data-facts]:not([hidden])");
    none.hidden = shown > 0;
    reset.hidden = !fields.some((field) => field.value);
    const noun = form.dataset.noun + (entries.length === 1 ? "" : "s");
    status.textContent = shown === entries.length ? `${shown} ${noun}` : `${shown} of ${entries.length} ${noun}`;
  };

  /** Take the fields from the address; what they do not offer counts as not chosen. */
  const restore = () => {
    const query = new URLSearchParams(location.search);
    for (const field of fields) {
      field.value = query.get(field.name) ?? "";
      if (field.selectedIndex === -1) field.value = "";
    }
    show();
  };

  /** Put the fields into the address; typing replaces the last entry of the history, a choice adds one. */
  const keep = (typed) => {
    const address = new URL(location);
    for (const { name, value } of fields) {
      if (value.trim()) address.searchParams.set(name, value);
      else address.searchParams.delete(name);
    }
    if (address.href === location.href) return;
    if (typed) history.replaceState(history.state, "", address);
    else history.pushState(null, "", address);
  };

  form.addEventListener("input", (event) => {
    keep(event.target.type === "search");
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault(); // the browser would restore what the fields held at first, not clear them
    for (const field of fields) field.value = "";
    keep(false);
    show();
    fields[0].focus(); // the button is about to disappear
  });
  window.addEventListener("popstate", restore);

  // A tag beside an entry chooses it.
  for (const tag of list.querySelectorAll("[data-tag]")) {
    const link = document.createElement("a");
    link.href = `?${new URLSearchParams({ tag: tag.dataset.tag })}`;
    link.textContent = tag.textContent;
    tag.replaceChildren(link);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      form.elements.namedItem("tag").value = tag.dataset.tag;
      keep(false);
      show();
      form.elements.namedItem("tag").focus();
    });
  }

  form.hidden = false;
  restore();
}
