import type { BinaryReader } from '@bufbuild/protobuf/wire';

/** What of `ResponseHeader` the mesh looks at. */
export interface AnswerHeader {
  readonly clusterId: bigint;
  readonly revision: bigint;
}

/** Reads a `ResponseHeader` of so many bytes. */
export function readHeader(reader: BinaryReader, byteCount: number): AnswerHeader {
  const end = reader.pos + byteCount;
  let clusterId = 0n;
  let revision = 0n;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) clusterId = BigInt(reader.uint64());
    else if (field === 3) revision = BigInt(reader.int64());
    else reader.skip(wireType);
  }
  return { clusterId, revision };
}
