/** Names that ModelMesh still accepts from older clients and runtimes. Source: spec `modelmesh.md` §1.4. */

const SERVICE = 'mmesh.ModelMesh/';
const LEGACY_SERVICE = 'com.ibm.watson.tas.proto.TasRuntime/';

/** Older name of `mmesh.ModelMesh`, with the same methods and messages. */
export const LEGACY_MANAGEMENT_SERVICE = LEGACY_SERVICE.slice(0, -1);

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['addModel', 'registerModel'],
  ['deleteModel', 'unregisterModel'],
]);

/** Older name of `mmesh.ModelRuntime`, with the same methods and messages: tried when `runtimeStatus` is UNIMPLEMENTED. */
export const LEGACY_RUNTIME_SERVICE = 'com.ibm.watson.tas.internal.proto.ModelServer';

/**
 * The management method that a full method name (`package.Service/Method`, no leading slash) stands for, such as `registerModel`;
 * `undefined` if the service is neither `mmesh.ModelMesh` nor its older name. The method itself may not exist.
 */
export function canonicalManagementMethod(fullMethod: string): string | undefined {
  const service = fullMethod.startsWith(SERVICE) ? SERVICE : fullMethod.startsWith(LEGACY_SERVICE) ? LEGACY_SERVICE : undefined;
  if (service === undefined) return undefined;
  const method = fullMethod.slice(service.length);
  return ALIASES.get(method) ?? method;
}
