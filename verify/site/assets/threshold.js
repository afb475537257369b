// A reader's own threshold for a claim, compared with the published interval by the rules of verify/judge.py.

const ICONS = { supported: "✓", contradicted: "✕", inconclusive: "?" };

const side = (criterion, low, high) => {
  if (criterion.low <= low && high <= criterion.high) return "supported";
  return high < criterion.low || low > criterion.high ? "contradicted" : "inconclusive";
};

const round = (number) => Number(number.toPrecision(12));

// A number as it is stored ("raw"), and as the page shows it: times `factor`, with `unit` behind it.
const units = ({ factor, unit }) => {
  const bare = (raw) => String(round(raw * factor)).replace("-", "−");
  const text = (raw) => {
    const number = bare(raw);
    const one = number.replace("−", "") === "1";
    return unit ? `${number} ${one ? unit.replace(/^points/, "point") : unit}` : number;
  };
  return { unit, bare, text, shown: (raw) => round(raw * factor), raw: (shown) => round(shown / factor) };
};

// What a reader wrote, as a number: `0.5`, `0,5`, `−.5`, also with the unit behind it.  NaN where it is none, or where
// a comma may stand for thousands.
const read = (written, unit) => {
  const number = written.replaceAll("−", "-").replaceAll(/\s/g, "");
  const own = unit.replaceAll(/\s/g, "");
  const alone = own && number.endsWith(own) ? number.slice(0, -own.length) : number;
  if (/^[-+]?[1-9]\d{0,2}(,\d{3})+$/.test(alone)) return NaN;
  if (!/^[-+]?(\d+[.,]?\d*|[.,]\d+)(e[-+]?\d+)?$/i.test(alone)) return NaN;
  return Number(alone.replace(",", "."));
};

const clause = ({ low, high }, { bare, text }) => {
  if (low === -Infinity) return `at most ${text(high)}`;
  return high === Infinity ? `at least ${text(low)}` : `within ${bare(low)} to ${text(high)}`;
};

const opposite = ({ low, high }, { bare, text }) => {
  if (low === -Infinity) return `above ${text(high)}`;
  return high === Infinity ? `below ${text(low)}` : `outside ${bare(low)} to ${text(high)}`;
};

// What the published interval says under another criterion: a verdict, and why.
const judge = (criterion, result, controlled, written) => {
  const [low, high] = [Number(result.low), Number(result.high)];
  const status = side(criterion, low, high);
  if (status === "contradicted") return [status, `the whole interval is ${opposite(criterion, written)}`];
  if (status === "inconclusive") {
    const limits = [criterion.low, criterion.high].filter((limit) => low <= limit && limit <= high);
    return [status, `the interval includes ${limits.map(written.text).join(" and ")}`];
  }
  if (controlled && result.controlLow === undefined) {
    return ["inconclusive", "the control has no spread to judge it by"];
  }
  if (controlled && side(criterion, Number(result.controlLow), Number(result.controlHigh)) === "supported") {
    return ["inconclusive", "the control passes too"];
  }
  return [status, `the whole interval is ${clause(criterion, written)}`];
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
  <p class="verify-try__unread" role="status"></p>
  <p><button type="reset">Back to the published threshold</button></p>
  <p class="verify-try__note">Yours alone: it compares your threshold with the published interval, in this page. The review
  fixed its own before anything ran.</p>`;

// A text and no number field: that one takes a comma or a point, as the browser's language has it, and not both.
const field = (name, word, value, unit) => {
  const number = Object.assign(element("input", ""), { type: "text", name, defaultValue: value, autocomplete: "off" });
  const range = Object.assign(element("input", ""), { type: "range", name: `${name}-slider`, step: "any" });
  range.setAttribute("aria-label", `${word}, as a slider`);
  return element("p", "verify-try__bound", element("label", "", `${word} `, number, unit ? ` ${unit}` : ""), " ", range);
};

/** The form of one claim, put into its fold, with a place for what it says below each published verdict. */
const prepare = (fold) => {
  const form = element("form", "");
  const written = units({ factor: Number(fold.dataset.factor), unit: fold.dataset.unit });
  form.innerHTML = FORM;
  for (const [name, word] of [["high", "at most"], ["low", "at least"]]) {
    if (fold.dataset[name] !== undefined) form.prepend(field(name, word, written.bare(fold.dataset[name]), written.unit));
  }
  const results = [...fold.closest(".verify-claim").querySelectorAll(".verify-result[data-low]")].map((result) => {
    const drawing = result.querySelector(".verify-interval");
    const said = element("p", "verify-yours");
    said.setAttribute("aria-live", "polite");
    result.querySelector(".verify-result__words").append(said);
    return { data: result.dataset, said, drawing, published: drawing.innerHTML };
  });
  const axes = results.map(({ drawing }) => drawing.dataset.axis.split(" ").map(Number));
  const [from, to] = [Math.min(...axes.map(([low]) => low)), Math.max(...axes.map(([, high]) => high))].map(written.shown);
  const decimals = Math.min(Math.max(2 - Math.floor(Math.log10(to - from)), 0), 12);
  const inputs = [...form.querySelectorAll("input[type=text]")];
  const given = (input) => read(input.value, written.unit);
  const unread = form.querySelector(".verify-try__unread");
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
    for (const input of inputs) criterion[input.name] = written.raw(given(input));
    const strange = inputs.filter((input) => input.value.trim() && Number.isNaN(given(input)));
    unread.textContent = strange.length
      ? `“${strange[0].value}” cannot be read as a number: write it like 0.5 or 0,5, and a thousand as 1000.`
      : "";
    const moved = inputs.some((input) => given(input) !== read(input.defaultValue, written.unit));
    if (!moved || inputs.some((input) => Number.isNaN(given(input)))) return;
    for (const { data, said, drawing } of results) {
      if (criterion.low > criterion.high) {
        said.append("Your lower bound lies above your upper one.");
        continue;
      }
      const [status, reason] = judge(criterion, data, fold.dataset.control === "yes", written);
      const label = element("span", "verify-label", "With your threshold");
      said.append(label, " ", badge(status), ` ${reason}. This is not the review's verdict.`);
      redraw(drawing, criterion);
    }
  };

  for (const input of inputs) {
    const range = slider(input);
    [range.min, range.max] = [Math.min(from, given(input)), Math.max(to, given(input))];
    range.defaultValue = given(input);
    range.addEventListener("input", () => {
      input.value = String(Number(range.valueAsNumber.toFixed(decimals))).replace("-", "−");
      compare();
    });
    input.addEventListener("input", () => {
      if (!Number.isNaN(given(input))) range.value = given(input);
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
