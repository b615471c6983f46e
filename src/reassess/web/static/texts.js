// What the script says, in the language of the page: texts stand here in English, which is their key.

const { texts = "{}" } = document.body.dataset;
const TEXTS = JSON.parse(texts); // a text in this language, or its plural forms
const LANGUAGE = document.documentElement.lang;
const plurals = new Intl.PluralRules(LANGUAGE);

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

export const number = (n) => n.toLocaleString(LANGUAGE, { numberingSystem: "latn" });

// A text, with values in place of their names in braces.
export const _ = (text, values = {}) => filled(TEXTS[text] ?? text, values);

// A text about so many things.
export function ngettext(one, many, n, values = {}) {
  const forms = TEXTS[one];
  const usual = n === 1 ? one : many;
  return filled(forms ? forms[plurals.select(n)] ?? forms.other : usual, { n: number(n), ...values });
}
