import { type EndpointPolicy, newEndpointPolicy } from '../../records/index.ts';
import type { FieldReader } from '../field-reader.ts';
import { readPayload, readRules } from './rules.ts';
import { readSticky } from './sticky.ts';
import { readFallback, readMirrors, readStrategy, readVersions } from './traffic.ts';
import { readVariants } from './variants.ts';

/**
 * Reads the policy of an endpoint out of its spec; what is wrong is among the findings, and the answer counts only if nothing is. The first
 * variant answers where nothing else decides, unless `default` names another.
 */
export function readPolicy(spec: FieldReader, endpointName: string): EndpointPolicy | undefined {
  const { variants, names } = readVariants(spec);
  const chosen = names.read(spec, 'default');
  const fields = {
    rules: readRules(spec, names),
    payload: readPayload(spec),
    sticky: readSticky(spec, endpointName),
    strategy: readStrategy(spec),
    mirrors: readMirrors(spec, names, variants),
    fallback: readFallback(spec, names, variants),
    versions: readVersions(spec),
    callerChooses: spec.flag('allowVariantHeader') ?? false,
  };
  const [first] = variants;
  return first === undefined ? undefined : newEndpointPolicy({ variants, defaultVariant: chosen ?? first.name, ...fields });
}
