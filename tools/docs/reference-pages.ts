/** Pages of the reference that are made from tables in the code. */
import { cliReference } from '@modelmesh/cli/reference';
import { configurationReference } from '@modelmesh/mesh/config';
import { managementReference } from '@modelmesh/mesh/management';
import { metricsReference } from '@modelmesh/mesh/metrics';

/** Path in the repository → what stands there. */
export const referencePages: Readonly<Record<string, () => string>> = {
  'docs/reference/cli.md': cliReference,
  'docs/reference/configuration.md': configurationReference,
  'docs/reference/management.md': managementReference,
  'docs/reference/metrics.md': metricsReference,
};
