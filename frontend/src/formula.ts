// The formulas that a learner may write into a picture: numbers, a few names and functions, and nothing that can run.
// gradviz/widgets/graph/rule_formula.py reads the same language, which is a part of Python's; a test holds the two together.
export type Names = Record<string, number>;
export type Formula = (names: Names) => number;

const LONGEST = 200;
const CONSTANTS: Names = { pi: Math.PI, e: Math.E };
const FUNCTIONS: Record<string, (...args: number[]) => number> = {
  sin: Math.sin, cos: Math.cos, tan: Math.tan, exp: Math.exp, log: Math.log, sqrt: Math.sqrt, abs: Math.abs, sign: Math.sign, tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  where: (c, a, b) => (c !== 0 ? a : b),
};
const COMPARE: Record<string, (a: number, b: number) => boolean> = {
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "==": (a, b) => a === b, "!=": (a, b) => a !== b,
};
const TOKEN = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])|((?:torch\.)?[A-Za-z_]\w*)|(\*\*|<=|>=|==|!=|[-+*/()<>,]))/y;

interface Token {
  kind: "number" | "name" | "sign" | "end";
  text: string;
  at: number;
}

function tokens(text: string): Token[] {
  const out: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) {
      const at = from + (text.slice(from).match(/^\s*/)?.[0].length ?? 0);
      throw new Error(`"${text[at]}" at character ${at + 1} is not part of a formula`);
    }
    const [whole, number, name, sign] = found;
    out.push({ kind: number !== undefined ? "number" : name !== undefined ? "name" : "sign", text: number ?? name ?? sign, at: TOKEN.lastIndex - whole.trimStart().length });
  }
  out.push({ kind: "end", text: "the end", at: end });
  return out;
}

/** A formula in some names. Throws an Error that says what is wrong with it, and where. */
export function formula(written: string, names: readonly string[]): Formula {
  if (written.length > LONGEST) throw new Error(`the formula has ${written.length} characters; at most ${LONGEST} are read`);
  const all = tokens(written);
  let i = 0;
  const take = (...signs: string[]): string | null => (all[i].kind === "sign" && signs.includes(all[i].text) ? all[i++].text : null);
  const need = (sign: string): void => {
    if (!take(sign)) throw new Error(`"${sign}" is missing at character ${all[i].at + 1}`);
  };

  // Each level of the grammar is a function that reads it and returns how it is computed.
  function comparison(): Formula {
    const left = sum();
    const sign = take(...Object.keys(COMPARE));
    if (!sign) return left;
    const right = sum();
    if (all[i].kind === "sign" && all[i].text in COMPARE) throw new Error(`one comparison at a time: "${all[i].text}" at character ${all[i].at + 1} is a second one`);
    return (v) => Number(COMPARE[sign](left(v), right(v)));
  }
  function sum(): Formula {
    let left = product();
    for (let sign = take("+", "-"); sign; sign = take("+", "-")) {
      const [a, b] = [left, product()];
      left = sign === "+" ? (v) => a(v) + b(v) : (v) => a(v) - b(v);
    }
    return left;
  }
  function product(): Formula {
    let left = unary();
    for (let sign = take("*", "/"); sign; sign = take("*", "/")) {
      const [a, b] = [left, unary()];
      left = sign === "*" ? (v) => a(v) * b(v) : (v) => a(v) / b(v);
    }
    return left;
  }
  function unary(): Formula {
    if (take("-")) {
      const inner = unary();
      return (v) => -inner(v);
    }
    return take("+") ? unary() : power();
  }
  function power(): Formula {
    const base = atom();
    if (!take("**")) return base;
    const exponent = unary();
    return (v) => base(v) ** exponent(v);
  }
  function atom(): Formula {
    const token = all[i++];
    if (token.kind === "number") {
      const value = Number(token.text);
      return () => value;
    }
    if (token.kind === "name") return all[i].kind === "sign" && all[i].text === "(" ? call(token) : name(token);
    if (token.text === "(") {
      const inner = comparison();
      need(")");
      return inner;
    }
    throw new Error(token.kind === "end" ? "the formula is not finished" : `"${token.text}" at character ${token.at + 1} has nothing before it`);
  }
  function name({ text: word }: Token): Formula {
    if (names.includes(word)) return (v) => v[word];
    if (Object.hasOwn(CONSTANTS, word)) return () => CONSTANTS[word];
    throw new Error(`"${word}" is not known here; the names are ${[...names, ...Object.keys(CONSTANTS)].join(", ")}`);
  }
  function call({ text }: Token): Formula {
    const word = text.replace("torch.", "");
    if (!Object.hasOwn(FUNCTIONS, word)) throw new Error(`"${word}" is not a function here; there are ${Object.keys(FUNCTIONS).join(", ")}`);
    need("(");
    const args: Formula[] = [];
    if (!take(")")) {
      do args.push(comparison());
      while (take(","));
      need(")");
    }
    const run = FUNCTIONS[word];
    if (args.length !== run.length) throw new Error(`${word} takes ${run.length} argument${run.length > 1 ? "s" : ""}, got ${args.length}`);
    return (v) => run(...args.map((arg) => arg(v)));
  }

  const whole = comparison();
  if (all[i].kind !== "end") throw new Error(`"${all[i].text}" at character ${all[i].at + 1} does not belong there`);
  return whole;
}
