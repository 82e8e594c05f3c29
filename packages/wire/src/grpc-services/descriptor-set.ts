import { descriptorSetBase64 } from '../gen/descriptors.ts';

/**
 * A serialized `google.protobuf.FileDescriptorSet` with every proto file of this package, imports first. Decoded anew by each call:
 * keep the result.
 */
export function descriptorSetBytes(): Uint8Array {
  return new Uint8Array(Buffer.from(descriptorSetBase64, 'base64'));
}
