import type { TestContext } from 'node:test';
import { type ClientCore, coreOf, KafkaClient } from '../../src/client/client.js';
import type { KafkaClientOptions } from '../../src/client/client-options.js';
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../../src/embedded/index.js';

export { rejection } from '../support/rejection.js';

export const quick = { attempts: 5, backoffMs: 5, maxBackoffMs: 20 };

export interface ClientSetting {
  readonly cluster: EmbeddedCluster;
  readonly client: KafkaClient;
  readonly core: ClientCore;
}

export interface ClientSettingOptions extends EmbeddedClusterOptions {
  readonly client?: Partial<KafkaClientOptions> | undefined;
}

/** A cluster with the topic "orders" of one partition, unless told otherwise, and a client that retries quickly. Both end with the test. */
export async function clientSetting(t: TestContext, { client: options, ...rest }: ClientSettingOptions = {}): Promise<ClientSetting> {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 }, ...rest });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: quick, ...options });
  t.after(async () => {
    await client.close();
    await cluster.close();
  });
  return { cluster, client, core: coreOf(client) };
}
