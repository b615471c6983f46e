// Which key somebody meant, on whatever layout: what it says, or else where it lies.

const SILENT = ["dead", "process", "unidentified", ""]; // what a layout or an input method swallows

// The key of an event in lower case, of those that are `known` where it can be one of them. A letter
// of another script and a digit that needs Shift (AZERTY) say nothing here: then the place counts.
// A sign says itself where others have a letter: the comma of AZERTY lies where QWERTY has m.
export function keyOf({ key, code, shiftKey }, known) {
  const said = key.toLowerCase();
  if (known.has(said)) return said;
  const isSwallowed = SILENT.includes(said);
  const isForeign = [...key].length === 1 && !/[a-z0-9]/i.test(key);
  if (!isSwallowed && !isForeign) return key;
  const [, letter] = /^Key([A-Z])$/.exec(code) || [];
  if (letter && (isSwallowed || /[\p{L}\p{M}]/u.test(key))) return letter.toLowerCase();
  const [, digit] = /^(?:Digit|Numpad)([0-9])$/.exec(code) || [];
  return digit && !shiftKey ? digit : key;
}

// Whether a key that is held down may act again and again: it moves, and changes nothing for good.
export const mayRepeat = ({ key }) => /^(Arrow|Tab|Page|Home|End)/.test(key);
