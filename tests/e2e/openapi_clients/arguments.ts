// What each program is given, and what it prints.
declare const process: { argv: string[] };

export const [, , origin = "", email = "", password = "", sku = ""] = process.argv;
export const item = { sku, name: "Chair", category: "furniture" };

export function print(seen: { created: string; conflict: string; listed: string[]; sparse: string[] }): void {
  console.log(JSON.stringify(seen));
}

export function needed<T>(value: T | undefined, what: unknown): T {
  if (value === undefined) throw new Error(JSON.stringify(what));
  return value;
}
