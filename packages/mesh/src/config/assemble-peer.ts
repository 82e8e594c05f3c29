import type { AddProblem, Machine } from './assemble.ts';
import type { PeerConfig, TlsConfig } from './config.ts';
import type { Resolved } from './layer.ts';
import type { SettingName, SettingValues } from './settings.ts';

const TLS_SETTINGS: readonly SettingName[] = ['peerTlsCert', 'peerTlsKey', 'peerTlsPassphrase', 'peerTlsTrust'];

/** The port between nodes; `null` where the registry belongs to this node alone. */
export function peerOf(values: SettingValues, { from }: Resolved, machine: Machine, problem: AddProblem): PeerConfig | null {
  if (values.registryKind !== 'etcd') return null;
  const hasCertificate = values.peerTlsCert !== null || values.tlsCert !== null;
  // ModelMesh's variable is true unless it says false, and means nothing without a key.
  const isModelMeshs = from.get('peerTls') === 'MM_ENABLE_SSL';
  const wanted = values.peerTls ?? hasCertificate;
  const encrypts = isModelMeshs ? wanted && hasCertificate : wanted;
  if (encrypts && !hasCertificate)
    problem('peerTls', 'it unset, or a certificate and its key (tls.certPath or peer.tls.certPath)');
  if (!encrypts) {
    for (const name of TLS_SETTINGS) {
      // ModelMesh's own deployments set the trust whether or not it is used.
      if (from.has(name) && from.get(name)?.startsWith('MM_') !== true) problem(name, 'it unset, or peer.tls.enabled');
    }
  }
  return {
    host: values.peerHost,
    port: values.peerPort,
    address: values.peerAddress ?? machine.hostName,
    tls: encrypts && hasCertificate ? tlsOf(values, problem) : null,
  };
}

function tlsOf(values: SettingValues, problem: AddProblem): TlsConfig {
  const { peerTlsCert, peerTlsKey, peerTlsPassphrase, peerTlsTrust } = values;
  if ((peerTlsCert === null) !== (peerTlsKey === null)) {
    const missing = peerTlsCert === null ? 'peerTlsCert' : 'peerTlsKey';
    problem(missing, 'set, as peer.tls.certPath and peer.tls.keyPath belong together');
  }
  const certPath = peerTlsCert ?? values.tlsCert ?? '';
  return {
    certPath,
    keyPath: peerTlsKey ?? values.tlsKey ?? '',
    keyPassphrase: peerTlsPassphrase ?? (peerTlsKey === null ? values.tlsPassphrase : null),
    clientAuth: values.peerTlsMutual ? 'require' : 'none',
    trustPaths: [certPath, ...peerTlsTrust],
  };
}
