/** Reads the example models: manifest, model file, recorded requests and answers. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A tensor in the JSON of the Open Inference Protocol; 64-bit integers are `bigint`. */
export interface JsonTensor {
  readonly name: string;
  readonly datatype: 'FP32' | 'INT64' | 'BYTES';
  readonly shape: readonly number[];
  readonly data: readonly (number | bigint | string)[];
}

/** One request and what it must be answered with. */
export interface ExampleCase {
  readonly request: { readonly inputs: readonly JsonTensor[] };
  /** The answer of the training library. */
  readonly outputs: readonly JsonTensor[];
  /** The answer of onnxruntime in Python. */
  readonly onnxruntime: { readonly outputs: readonly JsonTensor[] };
}

/** `expected.json`. */
export interface Expected {
  readonly model: string;
  readonly library: { readonly name: string; readonly version: string };
  readonly onnxruntime: { readonly version: string; readonly threads: number };
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  readonly cases: readonly ExampleCase[];
}

/** What is used of `model.yaml`. */
export interface ExampleManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly family?: string;
    readonly version?: string;
    readonly format: { readonly name: string };
    readonly storage: { readonly uri: string; readonly sha256: string };
  };
}

/** One folder of `examples/models`. */
export interface ExampleFiles {
  readonly name: string;
  readonly manifest: ExampleManifest;
  readonly model: Buffer;
  readonly expected: Expected;
  readonly readme: string;
}

/** Integers of an INT64 tensor stay exact: each number's own text is read. */
function exact(this: unknown, key: string, value: unknown, context: { readonly source?: string }): unknown {
  const big =
    typeof value === 'number' && /^\d+$/.test(key) && context.source !== undefined && /^-?\d{16,}$/.test(context.source);
  return big ? BigInt(context.source ?? 0) : value;
}

const parseExactly = JSON.parse as (
  text: string,
  reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => Expected;

/** All example models below `folder`, in the order of their names. */
export function readExamples(folder: string): readonly ExampleFiles[] {
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const manifest: ExampleManifest = parse(readFileSync(join(folder, name, 'model.yaml'), 'utf8'));
      return {
        name,
        manifest,
        model: readFileSync(join(folder, name, manifest.spec.storage.uri)),
        expected: parseExactly(readFileSync(join(folder, name, 'expected.json'), 'utf8'), exact),
        readme: readFileSync(join(folder, name, 'README.md'), 'utf8'),
      };
    });
}
