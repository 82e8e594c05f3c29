import { type MeshError, toMeshError } from '@modelmesh/core';
import { inflateMessage, type MessageEncoding } from '@modelmesh/grpc/compression';
import { FrameScanner, type FrameSink, joinSlices } from '@modelmesh/grpc/framing';
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
 * Finds the id of a model in the first message of a request while it arrives. Plain messages are only walked over; a compressed one is
 * collected and inflated, for reading alone: what goes on to the runtime are the bytes as they came.
 */
export class MessageOpener implements FrameSink {
  readonly #sink: OpenerSink;
  readonly #encoding: MessageEncoding;
  readonly #limits: OpenerLimits;
  readonly #scanner: FrameScanner;
  readonly #id: StringExtractor;
  readonly #version: StringExtractor | undefined;
  /** Slices of a compressed message. Not allocated by its announced length, which costs a sender nothing. */
  #compressed: Uint8Array[] | undefined;
  #collected = 0;
  #decided = false;
  #inflating = false;

  constructor(rule: MethodRule, encoding: MessageEncoding, limits: OpenerLimits, sink: OpenerSink) {
    this.#sink = sink;
    this.#encoding = encoding;
    this.#limits = limits;
    this.#scanner = new FrameScanner(limits.messageBytesMax, this);
    this.#id = new StringExtractor(fieldPath(rule.idPath));
    if (rule.versionPath !== null) {
      const path = fieldPath(rule.versionPath);
      this.#version = new StringExtractor(path, { absentBehind: path[0] });
    }
  }

  /** More of the request; `end` when it is complete. Ignored once the outcome was told. */
  push(bytes: Uint8Array, end: boolean): void {
    if (this.#decided) return;
    try {
      this.#scanner.push(bytes);
      if (end && !this.#decided && !this.#inflating) this.#decide(null, null);
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
      this.#decide(this.#id.end(), this.#version?.end() ?? null);
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
      if (!this.#decided) this.#decide(this.#id.end(), this.#version?.end() ?? null);
    } catch (error) {
      this.#fail(toMeshError(error));
    }
  }

  #walk(bytes: Uint8Array): void {
    const idKnown = this.#id.push(bytes);
    const versionKnown = this.#version?.push(bytes) ?? true;
    if (idKnown && versionKnown) this.#decide(this.#id.result, this.#version?.result ?? null);
  }

  #decide(id: string | null, version: string | null): void {
    if (this.#decided) return;
    this.#decided = true;
    this.#sink.onOpened({ id, version });
  }

  #fail(error: MeshError): void {
    if (this.#decided) return;
    this.#decided = true;
    this.#sink.onOpenFailed(error);
  }
}
