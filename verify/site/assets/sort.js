// Sorts a table by a click on a column's name; cells may carry `data-sort`, what they are sorted by, else their text counts.

const order = new Intl.Collator("en", { numeric: true });

/** Compare what two cells are sorted by: numbers as numbers, and nothing after everything else whatever the direction. */
const compare = (one, other, direction) => {
  if (one === "" || other === "") return (one === "") - (other === "");
  const difference = Number(one) - Number(other);
  return direction * (Number.isNaN(difference) ? order.compare(one, other) : difference);
};

for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];

  const sort = (column) => {
    const heading = headings[column];
    const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const each of headings) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
    body.append(...[...body.rows].sort((one, other) => compare(key(one), key(other), direction)));
  };

  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(column));
    heading.replaceChildren(button);
  });
  table.dataset.sortable = "true";
}
