import { type MeshError, toMeshError } from '@modelmesh/core';
import { inflateMessage, type MessageEncoding } from '@modelmesh/grpc/compression';
import { FrameScanner, type FrameSink, joinSlices } from '@modelmesh/grpc/framing';
import type { PayloadFinder } from '@modelmesh/wire/payload-fields';
import { fieldPath, StringExtractor } from '@modelmesh/wire/splice';
import type { MethodRule } from '../../link/index.ts';

/** What was found in the first message of a request. */
export interface OpenedIds {
  /** `null`: the field is absent. */
  readonly id: string | null;
  readonly version: string | null;
}

/** Hears the outcome, once. */
export interface OpenerSink {
  onOpened(ids: OpenedIds): void;
  onOpenFailed(error: MeshError): void;
}

/** Bounds of opening. */
export interface OpenerLimits {
  readonly messageBytesMax: number;
  readonly inflateRatioMax: number;
}

/**
 * Reads the first message of a request while it arrives. Plain messages are only walked over; a compressed one is collected and inflated, for reading
 * alone: what goes on to the runtime are the bytes as they came.
 */
abstract class FirstMessageReader implements FrameSink {
  readonly #encoding: MessageEncoding;
  readonly #limits: OpenerLimits;
  readonly #scanner: FrameScanner;
  /** Slices of a compressed message. Not allocated by its announced length, which costs a sender nothing. */
  #compressed: Uint8Array[] | undefined;
  #collected = 0;
  #decided = false;
  #inflating = false;

  constructor(encoding: MessageEncoding, limits: OpenerLimits) {
    this.#encoding = encoding;
    this.#limits = limits;
    this.#scanner = new FrameScanner(limits.messageBytesMax, this);
  }

  /** More of the message; true: nothing of what follows matters. */
  protected abstract walk(bytes: Uint8Array): boolean;

  /** All that matters was walked over. @param isEmpty whether the request ended without a message @throws {MeshError} for a message that is malformed */
  protected abstract finish(isEmpty: boolean): void;

  /** Tells what was found, after {@link finish}. */
  protected abstract tell(): void;

  protected abstract tellFailed(error: MeshError): void;

  /** More of the request; `end` when it is complete. Ignored once the outcome was told. */
  push(bytes: Uint8Array, end: boolean): void {
    if (this.#decided) return;
    try {
      this.#scanner.push(bytes);
      if (end && !this.#decided && !this.#inflating) this.#decide(true);
    } catch (error) {
      this.#fail(toMeshError(error));
    }
  }

  /** The call ended otherwise. */
  abandon(): void {
    this.#decided = true;
  }

  onMessageStart(_byteLength: number, compressed: boolean): void {
    if (compressed && !this.#decided) this.#compressed = [];
  }

  onMessageBytes(bytes: Uint8Array): void {
    if (this.#decided || this.#inflating) return;
    if (this.#compressed === undefined) this.#walk(bytes);
    else {
      // Their credit goes back before the message is complete, and with it the bytes themselves.
      this.#compressed.push(Uint8Array.from(bytes));
      this.#collected += bytes.length;
    }
  }

  onMessageEnd(): void {
    if (this.#decided || this.#inflating) return;
    const compressed = this.#compressed;
    if (compressed === undefined) {
      this.#decide(false);
      return;
    }
    this.#inflating = true;
    const { messageBytesMax, inflateRatioMax } = this.#limits;
    const inflated = inflateMessage(this.#encoding, joinSlices({ slices: compressed, byteLength: this.#collected }), {
      outputBytesMax: messageBytesMax,
      ratioMax: inflateRatioMax,
    });
    if (inflated instanceof Uint8Array) this.#readWhole(inflated);
    else {
      inflated.then(
        (bytes) => this.#readWhole(bytes),
        (error: unknown) => this.#fail(toMeshError(error)),
      );
    }
  }

  #readWhole(bytes: Uint8Array): void {
    try {
      this.#walk(bytes);
      if (!this.#decided) this.#decide(false);
    } catch (error) {
      this.#fail(toMeshError(error));
    }
  }

  #walk(bytes: Uint8Array): void {
    if (this.walk(bytes)) this.#decide(false);
  }

  #decide(isEmpty: boolean): void {
    if (this.#decided) return;
    this.finish(isEmpty);
    this.#decided = true;
    this.tell();
  }

  #fail(error: MeshError): void {
    if (this.#decided) return;
    this.#decided = true;
    this.tellFailed(error);
  }
}

/** Finds the id of a model in the first message of a request. */
export class MessageOpener extends FirstMessageReader {
  readonly #sink: OpenerSink;
  readonly #id: StringExtractor;
  readonly #version: StringExtractor | undefined;
  #found: OpenedIds = { id: null, version: null };

  constructor(rule: MethodRule, encoding: MessageEncoding, limits: OpenerLimits, sink: OpenerSink) {
    super(encoding, limits);
    this.#sink = sink;
    this.#id = new StringExtractor(fieldPath(rule.idPath));
    if (rule.versionPath !== null) {
      const path = fieldPath(rule.versionPath);
      this.#version = new StringExtractor(path, { absentBehind: path[0] });
    }
  }

  protected walk(bytes: Uint8Array): boolean {
    const idKnown = this.#id.push(bytes);
    const versionKnown = this.#version?.push(bytes) ?? true;
    return idKnown && versionKnown;
  }

  protected finish(isEmpty: boolean): void {
    if (isEmpty) return;
    this.#found = { id: this.#id.end(), version: this.#version?.end() ?? null };
  }

  protected tell(): void {
    this.#sink.onOpened(this.#found);
  }

  protected tellFailed(error: MeshError): void {
    this.#sink.onOpenFailed(error);
  }
}

/** Hears that payload fields were looked for, once. */
export interface PayloadSink {
  onPayloadRead(): void;
  onOpenFailed(error: MeshError): void;
}

/** Has declared payload fields looked for in the first message of a request. */
export class PayloadReader extends FirstMessageReader {
  readonly #finders: readonly PayloadFinder[];
  readonly #sink: PayloadSink;

  constructor(finders: readonly PayloadFinder[], encoding: MessageEncoding, limits: OpenerLimits, sink: PayloadSink) {
    super(encoding, limits);
    this.#finders = finders;
    this.#sink = sink;
  }

  protected walk(bytes: Uint8Array): boolean {
    let decided = true;
    for (const finder of this.#finders) if (!finder.push(bytes)) decided = false;
    return decided;
  }

  protected finish(): void {
    for (const finder of this.#finders) finder.end();
  }

  protected tell(): void {
    this.#sink.onPayloadRead();
  }

  protected tellFailed(error: MeshError): void {
    this.#sink.onOpenFailed(error);
  }
}
