// TL objects of GramJS as JSON: `_` is the name of the constructor, fields are in snake_case, numbers of 64 bits are
// {"$long": "text"}, bytes are in hexadecimal.
"use strict";
const bigInt = require("big-integer");
const { Api } = require("telegram");

const snake = (name) => name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const capital = (name) => name[0].toUpperCase() + name.slice(1);

function shown(value) {
  if (bigInt.isInstance(value)) {
    return { $long: value.toString() };
  }
  if (Buffer.isBuffer(value)) {
    return value.toString("hex");
  }
  if (Array.isArray(value)) {
    return value.map(shown);
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  const fields = value.originalArgs ?? value;
  const result = value.className ? { _: value.className.split(".").pop() } : {};
  for (const [name, each] of Object.entries(fields)) {
    if (name !== "flags" && name !== "flags2" && each !== null && each !== undefined && each !== false) {
      result[snake(name)] = shown(each);
    }
  }
  return result;
}

function made(value) {
  if (Array.isArray(value)) {
    return value.map(made);
  }
  if (value === null || typeof value !== "object") {
    return value;
  }
  if ("$long" in value) {
    return bigInt(value.$long);
  }
  return new Api[capital(value._)](fieldsOf(value));
}

function fieldsOf(value) {
  const fields = {};
  for (const [name, each] of Object.entries(value)) {
    if (name !== "_") {
      fields[camel(name)] = made(each);
    }
  }
  return fields;
}

function requestOf(method, fields) {
  const [space, name] = method.split(".");
  return new Api[space][capital(name)](fieldsOf(fields));
}

module.exports = { shown, requestOf };
