/** A typed client on fetch, without dependencies: requests, retries, problems and pages. `schema.ts` and `operations.ts` describe the API. */

import { bodies, bytes, keyed, type Kind } from "./operations.js";
import type { paths } from "./schema.js";

type Method = "get" | "post" | "put" | "patch" | "delete";
/** The paths that have an operation of this method. */
export type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;

type Member<O, K extends string> = O extends { parameters: Record<K, infer T> }
  ? { [key in K]: T }
  : O extends { parameters: { [key in K]?: infer T } }
    ? [Exclude<T, undefined>] extends [never]
      ? unknown
      : { [key in K]?: Exclude<T, undefined> }
    : unknown;
type BodyOf<C> = C extends { "application/json": infer T } ? T : C extends { "application/x-www-form-urlencoded": infer T } ? T : Blob | Uint8Array | string;
type Sent<O> = O extends { requestBody: { content: infer C } }
  ? { body: BodyOf<C> }
  : O extends { requestBody?: { content: infer C } }
    ? { body?: BodyOf<C> }
    : unknown;
/** What a request has: `path`, `query`, `header` and `body` as the document describes them, a key of the caller, and a signal that aborts it. */
export type Options<P extends keyof paths, M extends Method> = Member<Operation<P, M>, "path"> &
  Member<Operation<P, M>, "query"> &
  Member<Operation<P, M>, "header"> &
  Sent<Operation<P, M>> & { idempotencyKey?: string; signal?: AbortSignal };
type Arguments<O> = {} extends O ? [options?: O] : [options: O];

type Success<O> = O extends { responses: infer R } ? R[keyof R & (200 | 201 | 202 | 204)] : never;
type Content<S> = S extends { content: infer C } ? (C extends { "application/json": infer T } ? T : Blob) : undefined;
/** The members of a union that do not contain all others. */
type Narrow<U, T = U> = T extends unknown ? ([U] extends [T] ? never : T) : never;
type Full<U> = [Narrow<U>] extends [never] ? U : Narrow<U>;
type Sparse<U, T = U> = T extends unknown ? ([U] extends [T] ? T : never) : never;
type Result<P extends keyof paths, M extends Method, O> = O extends { query: { fields: string } }
  ? Sparse<Content<Success<Operation<P, M>>>>
  : Full<Content<Success<Operation<P, M>>>>;
type Page = { items: readonly unknown[]; next_cursor: string | null };
/** The paths of lists that have further pages. */
export type Lists = {
  [P in PathsWith<"get">]: Full<Content<Success<Operation<P, "get">>>> extends Page ? P : never;
}[PathsWith<"get">];
type Paged<O> = O extends { query?: infer Q } ? Omit<O, "query"> & { query?: Omit<NonNullable<Q>, "fields" | "cursor" | "include_total"> } : O;
type Element<P extends Lists> = Full<Content<Success<Operation<P, "get">>>> extends { items: readonly (infer T)[] } ? T : never;

/** One fault of a request: where it is (JSON Pointer, RFC 6901), the code of the rule, and a message for people. */
export interface Violation {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** The server refused the request, or failed [RFC 9457]. `retryAfter` is in seconds. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly kind: Kind;
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  readonly errors: readonly Violation[];
  readonly retryAfter: number | undefined;

  constructor(response: Response, readonly members: Readonly<Record<string, unknown>>) {
    const text = (name: string, otherwise = ""): string => (typeof members[name] === "string" ? members[name] : otherwise);
    const title = text("title", response.statusText);
    super(`${response.status} ${title}: ${text("detail")}`);
    this.type = text("type", "about:blank");
    this.kind = this.type === "about:blank" ? "" : this.type.slice(Math.max(this.type.lastIndexOf("/"), this.type.lastIndexOf("#")) + 1);
    this.title = title;
    this.status = response.status;
    this.detail = text("detail");
    this.requestId = text("request_id", response.headers.get("x-request-id") ?? "");
    this.errors = Array.isArray(members["errors"]) ? (members["errors"] as Violation[]) : [];
    this.retryAfter = secondsOf(response.headers.get("retry-after"));
  }
}

/** The server cannot be reached, the connection broke, or something else than this API answered. A request that may not be repeated was possibly executed. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
}

/** The representation is still the one that If-None-Match names. */
export class NotModified extends Error {
  override readonly name = "NotModified";
}

/** A successful response. */
export class Answer<T> {
  constructor(
    readonly body: T,
    readonly status: number,
    readonly headers: Headers,
  ) {}

  /** The version of the representation, for If-Match and If-None-Match. */
  get etag(): string {
    const found = this.headers.get("etag");
    if (found === null) throw new Error("The response has no ETag.");
    return found;
  }

  /** Whether the response is that of an earlier request with the same Idempotency-Key. */
  get replayed(): boolean {
    return this.headers.get("idempotency-replayed") === "true";
  }
}

/** How often a request is sent at most, and the pauses between, in seconds: random, below a limit that doubles, and never shorter than what the server asks for. */
export interface Retries {
  readonly attempts: number;
  readonly firstPause: number;
  readonly longestPause: number;
}

export interface Settings {
  /** The URL of the server, with the prefix of its paths if it has one. */
  readonly url: string;
  /** An access token, or a function that returns a valid one. */
  readonly token?: string | (() => string | Promise<string>);
  /** The language of problems and e-mails, such as `pt`. */
  readonly language?: string;
  /** Seconds until an attempt is given up. */
  readonly timeout?: number;
  readonly retries?: Partial<Retries>;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof fetch;
  readonly sleep?: (seconds: number) => Promise<void>;
}

interface Given {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  header?: Record<string, string | undefined>;
  body?: unknown;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

const REFUSED_BEFORE: ReadonlySet<string> = new Set(["quota-exceeded", "temporary-reduced-capacity"]);
/** Statuses that another attempt may not have: a service that is unavailable may have done its part. */
const TEMPORARY: ReadonlySet<number> = new Set([500, 502, 503, 504]);
const JSON_TYPE = "application/json";

/** The operations of the API by method and path. Every method rejects with `Problem`, `NotModified` or `Unanswered`, or with the reason of a signal that aborts it. */
export class Client {
  readonly #url: string;
  readonly #settings: Settings;
  readonly #retries: Retries;

  constructor(settings: Settings) {
    const url = new URL(settings.url);
    if (!/^https?:$/.test(url.protocol) || url.username || url.search || url.hash) throw new Error("The URL is not that of a server, such as https://api.example.com: no user, no query.");
    this.#url = settings.url.replace(/\/+$/, "");
    this.#settings = settings;
    this.#retries = { attempts: 4, firstPause: 0.25, longestPause: 30, ...settings.retries };
  }

  get<P extends PathsWith<"get">, const O extends Options<P, "get">>(path: P, ...options: Arguments<Options<P, "get">> & [O?]): Promise<Answer<Result<P, "get", O>>> {
    return this.#send("get", path, options[0]);
  }

  post<P extends PathsWith<"post">>(path: P, ...options: Arguments<Options<P, "post">>): Promise<Answer<Result<P, "post", unknown>>> {
    return this.#send("post", path, options[0]);
  }

  put<P extends PathsWith<"put">>(path: P, ...options: Arguments<Options<P, "put">>): Promise<Answer<Result<P, "put", unknown>>> {
    return this.#send("put", path, options[0]);
  }

  patch<P extends PathsWith<"patch">>(path: P, ...options: Arguments<Options<P, "patch">>): Promise<Answer<Result<P, "patch", unknown>>> {
    return this.#send("patch", path, options[0]);
  }

  delete<P extends PathsWith<"delete">>(path: P, ...options: Arguments<Options<P, "delete">>): Promise<Answer<Result<P, "delete", unknown>>> {
    return this.#send("delete", path, options[0]);
  }

  /** Yield the elements of all pages of a list, one request after another. */
  async *each<P extends Lists>(path: P, ...options: Arguments<Paged<Options<P, "get">>>): AsyncGenerator<Element<P>, void, undefined> {
    const given = (options[0] ?? {}) as Given;
    let cursor: string | undefined;
    for (;;) {
      const query: Record<string, unknown> = cursor === undefined ? { ...given.query } : { ...given.query, cursor };
      const page: Page = (await this.#send<Page>("get", path, { ...given, query })).body;
      yield* page.items as Element<P>[];
      if (page.next_cursor == null) return;
      if (page.next_cursor === cursor) throw new Unanswered(`GET ${path}: the server repeats the cursor ${cursor.slice(0, 50)}.`);
      cursor = page.next_cursor;
    }
  }

  async #send<T>(method: Method, path: string, options: unknown): Promise<Answer<T>> {
    const given = (options ?? {}) as Given;
    const name = `${method.toUpperCase()} ${path}`;
    const headers = this.#headers(name, given);
    const sent = given.body === undefined ? undefined : encoded(given.body, headers.get("content-type") ?? JSON_TYPE);
    const repeatable = method === "get" || keyed.has(name);
    const url = this.#url + target(path, given);
    for (let attempt = 1; ; attempt += 1) {
      given.signal?.throwIfAborted();
      const token = typeof this.#settings.token === "function" ? await this.#settings.token() : this.#settings.token;
      if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
      const timeout = AbortSignal.timeout((this.#settings.timeout ?? 30) * 1000);
      const signal = given.signal === undefined ? timeout : AbortSignal.any([given.signal, timeout]);
      let response: Response;
      let content: Blob;
      try {
        response = await (this.#settings.fetch ?? fetch)(url, {
          method: method.toUpperCase(),
          headers,
          redirect: "manual",
          signal,
          ...(sent === undefined ? {} : { body: sent }),
        });
        content = await response.blob();
      } catch (cause) {
        const pause = given.signal?.aborted !== true && repeatable ? this.#pause(attempt, undefined) : undefined;
        if (pause === undefined) throw given.signal?.aborted === true ? cause : new Unanswered(`${name}: ${String(cause)}`, { cause });
        await this.#sleep(pause, given.signal);
        continue;
      }
      if (response.status === 304) throw new NotModified(response.headers.get("etag") ?? "");
      if (response.ok) return new Answer((await decoded(name, response, content)) as T, response.status, response.headers);
      const problem = await problemOf(response, content);
      const temporary = REFUSED_BEFORE.has(problem.kind) || (repeatable && (problem.kind === "request-in-progress" || TEMPORARY.has(problem.status)));
      const pause = temporary ? this.#pause(attempt, problem.retryAfter) : undefined;
      if (pause === undefined) throw problem;
      await this.#sleep(pause, given.signal);
    }
  }

  #headers(name: string, given: Given): Headers {
    const headers = new Headers(this.#settings.headers ?? {});
    headers.set("accept", bytes.has(name) ? "*/*" : `${JSON_TYPE}, application/problem+json`);
    if (this.#settings.language !== undefined) headers.set("accept-language", this.#settings.language);
    if (keyed.has(name)) headers.set("idempotency-key", given.idempotencyKey ?? uuid());
    if (given.body !== undefined) headers.set("content-type", bodies[name] ?? JSON_TYPE);
    for (const [header, value] of Object.entries(given.header ?? {})) if (value !== undefined) headers.set(header, value);
    return headers;
  }

  #pause(attempt: number, asked: number | undefined): number | undefined {
    const { attempts, firstPause, longestPause } = this.#retries;
    if (attempt >= attempts || (asked ?? 0) > longestPause) return undefined;
    return (asked ?? 0) + Math.random() * Math.min(firstPause * 2 ** (attempt - 1), longestPause);
  }

  /** Wait, or reject as soon as the caller aborts. */
  #sleep(seconds: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#settings.sleep !== undefined) return this.#settings.sleep(seconds);
    return new Promise((done, abort) => {
      if (signal?.aborted === true) return abort(signal.reason);
      const aborted = (): void => {
        clearTimeout(timer);
        abort(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", aborted);
        done();
      }, seconds * 1000);
      signal?.addEventListener("abort", aborted, { once: true });
    });
  }
}

function target(path: string, given: Given): string {
  const places = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(given.path?.[name] ?? "");
    if (["", ".", ".."].includes(value)) throw new Error(`${name} must not be "${value}": another operation would be called.`);
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given.query ?? {})) {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [key, one] of Object.entries(value)) if (one !== undefined) query.append(`${name}[${key}]`, text(one));
    } else if (value !== undefined && value !== null) query.append(name, text(value));
  }
  return query.size === 0 ? places : `${places}?${query}`;
}

function text(value: unknown): string {
  return Array.isArray(value) ? value.map((one) => text(one).replace(/[\\,]/g, "\\$&")).join(",") : String(value);
}

function encoded(body: unknown, mediaType: string): BodyInit {
  if (mediaType === "application/x-www-form-urlencoded") {
    return new URLSearchParams(Object.entries(body as object).flatMap(([name, value]) => (value == null ? [] : [[name, String(value)]])));
  }
  return mediaType === JSON_TYPE ? JSON.stringify(body) : (body as BodyInit);
}

async function decoded(name: string, response: Response, content: Blob): Promise<unknown> {
  if (bytes.has(name)) return content;
  if (content.size === 0) return undefined;
  try {
    return JSON.parse(await content.text());
  } catch (cause) {
    throw new Unanswered(`${name}: the answer is not JSON, but ${response.headers.get("content-type") ?? "nothing"}.`, { cause });
  }
}

/** The seconds of a `Retry-After` [RFC 9110, section 10.2.3], a number or a date. */
function secondsOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter);
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) || !/GMT$/.test(retryAfter) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}

/** A UUID of version 4 [RFC 9562]; `crypto.randomUUID` exists on secure pages only. */
function uuid(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  random[6] = ((random[6] ?? 0) & 0x0f) | 0x40;
  random[8] = ((random[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(random, (one) => one.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

async function problemOf(response: Response, content: Blob): Promise<Problem> {
  const found = await content.text();
  try {
    const members: unknown = JSON.parse(found);
    if (typeof members === "object" && members !== null) return new Problem(response, members as Record<string, unknown>);
  } catch {
    // not JSON: the answer of a proxy
  }
  return new Problem(response, { detail: found.slice(0, 500) });
}
