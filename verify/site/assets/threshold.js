// A reader's own threshold for a claim, compared with the published interval by the rules of verify/judge.py.

const ICONS = { supported: "✓", contradicted: "✕", inconclusive: "?" };

const side = (criterion, low, high) => {
  if (criterion.low <= low && high <= criterion.high) return "supported";
  return high < criterion.low || low > criterion.high ? "contradicted" : "inconclusive";
};

const text = (number) => String(Number(number.toPrecision(12))).replace("-", "−");

const clause = ({ low, high }) => {
  if (low === -Infinity) return `at most ${text(high)}`;
  return high === Infinity ? `at least ${text(low)}` : `within ${text(low)} to ${text(high)}`;
};

const opposite = ({ low, high }) => {
  if (low === -Infinity) return `above ${text(high)}`;
  return high === Infinity ? `below ${text(low)}` : `outside ${text(low)} to ${text(high)}`;
};

// What the published interval says under another criterion: a verdict, and why.
const judge = (criterion, result, controlled) => {
  const [low, high] = [Number(result.low), Number(result.high)];
  const status = side(criterion, low, high);
  if (status === "contradicted") return [status, `the whole interval is ${opposite(criterion)}`];
  if (status === "inconclusive") {
    const limits = [criterion.low, criterion.high].filter((limit) => low <= limit && limit <= high);
    return [status, `the interval includes ${limits.map(text).join(" and ")}`];
  }
  if (controlled && result.controlLow === undefined) {
    return ["inconclusive", "the control has no spread to judge it by"];
  }
  if (controlled && side(criterion, Number(result.controlLow), Number(result.controlHigh)) === "supported") {
    return ["inconclusive", "the control passes too"];
  }
  return [status, `the whole interval is ${clause(criterion)}`];
};

const element = (name, style, ...content) => {
  const made = document.createElement(name);
  made.className = style;
  made.append(...content);
  return made;
};

const badge = (status) => {
  const icon = element("span", "verdict__icon", ICONS[status]);
  icon.setAttribute("aria-hidden", "true");
  return element("span", `verdict verdict--${status}`, icon, status);
};

// The shaded region and its edges at another criterion; the published edges stay, thin.
const redraw = (drawing, criterion) => {
  const [from, to, left, right] = drawing.dataset.axis.split(" ").map(Number);
  const at = (value) => left + Math.min(Math.max((value - from) / (to - from), 0), 1) * (right - left);
  const region = drawing.querySelector(".region");
  region.setAttribute("x", at(criterion.low));
  region.setAttribute("width", Math.max(at(criterion.high) - at(criterion.low), 1));
  for (const bound of drawing.querySelectorAll(".bound")) {
    const published = bound.cloneNode();
    published.setAttribute("class", "bound bound--published");
    bound.before(published);
    for (const end of ["x1", "x2"]) bound.setAttribute(end, at(criterion[bound.dataset.bound]));
  }
  drawing.classList.add("verify-interval--yours");
};

const FORM = `
  <p><button type="reset">Back to the published threshold</button></p>
  <p class="verify-try__note">Yours alone: it compares your threshold with the published interval, in this page. The review
  fixed its own before anything ran.</p>`;

const field = (name, word, value) => {
  const number = Object.assign(element("input", ""), { type: "number", name, step: "any", defaultValue: value });
  const range = Object.assign(element("input", ""), { type: "range", name: `${name}-slider`, step: "any" });
  range.setAttribute("aria-label", `${word}, as a slider`);
  return element("p", "verify-try__bound", element("label", "", `${word} `, number), " ", range);
};

/** The form of one claim, put into its fold, with a place for what it says below each published verdict. */
const prepare = (fold) => {
  const form = element("form", "");
  form.innerHTML = FORM;
  for (const [name, word] of [["high", "at most"], ["low", "at least"]]) {
    if (fold.dataset[name] !== undefined) form.prepend(field(name, word, fold.dataset[name]));
  }
  const results = [...fold.closest(".verify-claim").querySelectorAll(".verify-result[data-low]")].map((result) => {
    const drawing = result.querySelector(".verify-interval");
    const said = element("p", "verify-yours");
    said.setAttribute("aria-live", "polite");
    result.querySelector(".verify-result__words").append(said);
    return { data: result.dataset, said, drawing, published: drawing.innerHTML };
  });
  const axes = results.map(({ drawing }) => drawing.dataset.axis.split(" ").map(Number));
  const [from, to] = [Math.min(...axes.map(([low]) => low)), Math.max(...axes.map(([, high]) => high))];
  const decimals = Math.min(Math.max(2 - Math.floor(Math.log10(to - from)), 0), 12);
  const inputs = [...form.querySelectorAll("input[type=number]")];
  const slider = (input) => form.querySelector(`input[type=range][name="${input.name}-slider"]`);

  const restore = () => {
    for (const { said, drawing, published } of results) {
      said.replaceChildren();
      drawing.innerHTML = published;
      drawing.classList.remove("verify-interval--yours");
    }
  };
  const compare = () => {
    restore();
    const criterion = { low: -Infinity, high: Infinity };
    for (const input of inputs) criterion[input.name] = input.valueAsNumber;
    const moved = inputs.some((input) => input.value !== input.defaultValue);
    if (!moved || inputs.some((input) => Number.isNaN(input.valueAsNumber))) return;
    for (const { data, said, drawing } of results) {
      if (criterion.low > criterion.high) {
        said.append("Your lower bound lies above your upper one.");
        continue;
      }
      const [status, reason] = judge(criterion, data, fold.dataset.control === "yes");
      const label = element("span", "verify-label", "With your threshold");
      said.append(label, " ", badge(status), ` ${reason}. This is not the review's verdict.`);
      redraw(drawing, criterion);
    }
  };

  for (const input of inputs) {
    const range = slider(input);
    [range.min, range.max] = [Math.min(from, input.value), Math.max(to, input.value)];
    range.defaultValue = input.defaultValue;
    range.addEventListener("input", () => {
      input.value = String(Number(range.valueAsNumber.toFixed(decimals)));
      compare();
    });
    input.addEventListener("input", () => {
      if (!Number.isNaN(input.valueAsNumber)) range.value = input.value;
      compare();
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(compare)); // fields have their values again only afterwards
  fold.append(form);
};

for (const fold of document.querySelectorAll(".verify-try")) {
  fold.addEventListener("toggle", () => prepare(fold), { once: true }); // a page has many, and few are opened
  fold.hidden = false;
}
