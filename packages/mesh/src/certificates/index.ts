/** The door of the room: certificates from files, and those that a node makes for itself. */
export { type CertificateAndKey, selfSignedCertificate } from './self-signed.ts';
export { checkTlsFiles, readClientTls, readTlsMaterial, tlsPaths } from './tls-files.ts';
