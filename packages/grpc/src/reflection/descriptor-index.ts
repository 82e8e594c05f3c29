import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';

interface IndexedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
}

/** Files by name, by the symbols they declare and by the extensions they declare. */
export class DescriptorIndex {
  readonly #files = new Map<string, IndexedFile>();
  readonly #fileOfSymbol = new Map<string, string>();
  /** Message name → extension number → file. */
  readonly #extensions = new Map<string, Map<number, string>>();
  readonly #services: string[] = [];

  /** @param descriptorSet a serialized `google.protobuf.FileDescriptorSet` that holds its imports */
  constructor(descriptorSet: Uint8Array) {
    for (const file of fromBinary(FileDescriptorSetSchema, descriptorSet).file) this.#add(file);
  }

  /** The full names of all services. */
  get services(): readonly string[] {
    return this.#services;
  }

  fileOfSymbol(symbol: string): string | undefined {
    return this.#fileOfSymbol.get(symbol);
  }

  fileOfExtension(message: string, number: number): string | undefined {
    return this.#extensions.get(message)?.get(number);
  }

  /** The numbers of the known extensions of a message; `undefined` if the message is not known. */
  extensionNumbers(message: string): number[] | undefined {
    if (!this.#fileOfSymbol.has(message)) return undefined;
    return [...(this.#extensions.get(message)?.keys() ?? [])];
  }

  /** The serialized file and everything it imports, the file first, without those in `sent`, which is added to; `undefined`: no such file. */
  filesFrom(name: string, sent: Set<string>): Uint8Array[] | undefined {
    if (!this.#files.has(name)) return undefined;
    // The file that was asked for is always answered with, else the answer would be empty.
    sent.delete(name);
    const found: Uint8Array[] = [];
    const wanted = [name];
    for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
      const file = this.#files.get(next);
      if (file === undefined || sent.has(next)) continue;
      sent.add(next);
      found.push(file.bytes);
      wanted.push(...file.imports);
    }
    return found;
  }

  #add(file: FileDescriptorProto): void {
    const { name } = file;
    this.#files.set(name, { name, bytes: toBinary(FileDescriptorProtoSchema, file), imports: file.dependency });
    const prefix = file.package === '' ? '' : `${file.package}.`;
    for (const message of file.messageType) this.#addMessage(message, prefix, name);
    for (const enumeration of file.enumType) this.#addEnum(enumeration, prefix, name);
    for (const extension of file.extension) this.#addExtension(extension, prefix, name);
    for (const service of file.service) {
      this.#services.push(prefix + service.name);
      this.#fileOfSymbol.set(prefix + service.name, name);
      for (const method of service.method) this.#fileOfSymbol.set(`${prefix}${service.name}.${method.name}`, name);
    }
  }

  #addMessage(message: DescriptorProto, prefix: string, file: string): void {
    const fullName = prefix + message.name;
    this.#fileOfSymbol.set(fullName, file);
    for (const field of message.field) this.#fileOfSymbol.set(`${fullName}.${field.name}`, file);
    for (const oneof of message.oneofDecl) this.#fileOfSymbol.set(`${fullName}.${oneof.name}`, file);
    for (const nested of message.nestedType) this.#addMessage(nested, `${fullName}.`, file);
    for (const enumeration of message.enumType) this.#addEnum(enumeration, `${fullName}.`, file);
    for (const extension of message.extension) this.#addExtension(extension, `${fullName}.`, file);
  }

  /** The values of an enumeration are siblings of it, as in C++. */
  #addEnum(enumeration: EnumDescriptorProto, prefix: string, file: string): void {
    this.#fileOfSymbol.set(prefix + enumeration.name, file);
    for (const value of enumeration.value) this.#fileOfSymbol.set(prefix + value.name, file);
  }

  #addExtension(extension: FieldDescriptorProto, prefix: string, file: string): void {
    this.#fileOfSymbol.set(prefix + extension.name, file);
    const message = extension.extendee.replace(/^\./, '');
    const numbers = this.#extensions.get(message) ?? new Map<number, string>();
    numbers.set(extension.number, file);
    this.#extensions.set(message, numbers);
  }
}
