import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { TestAuthority } from './certificates.js';

test('certificates are what they say, and signed by their authority', () => {
  const authority = new TestAuthority('somebody');
  const own = new X509Certificate(authority.cert);
  assert.ok(own.ca && own.checkIssued(own) && own.verify(own.publicKey));
  const notAfter = new Date('2030-02-03T04:05:06Z');
  const { cert, key } = authority.issue({ name: 'broker', hosts: ['localhost', '127.0.0.1'], notAfter });
  const issued = new X509Certificate(cert);
  assert.ok(issued.checkIssued(own) && issued.verify(own.publicKey) && issued.checkPrivateKey(createPrivateKey(key)));
  assert.deepEqual(
    [issued.subject, issued.issuer, issued.subjectAltName, issued.ca, new Date(issued.validTo).getTime()],
    ['CN=broker', 'CN=somebody', 'DNS:localhost, IP Address:127.0.0.1', false, notAfter.getTime()],
  );
  assert.ok(!issued.verify(new X509Certificate(new TestAuthority('somebody').cert).publicKey));
});
