/** Names that other clients, and Kafka itself, give to what is an option here: in small letters, without dots, dashes and underscores. */
const elsewhere: ReadonlyMap<string, readonly string[]> = new Map([
  ['bootstrapservers', ['brokers']],
  ['bootstrapbrokers', ['brokers']],
  ['bootstrap', ['brokers']],
  ['metadatabrokerlist', ['brokers']],
  ['kafkahost', ['brokers']],
  ['hosts', ['brokers']],
  ['ssl', ['tls']],
  ['securityprotocol', ['tls']],
  ['retries', ['attempts', 'retry']],
  ['maxretries', ['attempts', 'retry']],
  ['initialretrytime', ['backoffMs']],
  ['retrybackoffms', ['backoffMs', 'retry']],
  ['maxretrytime', ['maxBackoffMs']],
  ['frombeginning', ['autoOffsetReset', 'startOffset']],
  ['fromoffset', ['autoOffsetReset', 'startOffset']],
  ['linger', ['batchSend']],
  ['lingerms', ['batchSend']],
  ['queuebufferingmaxms', ['batchSend']],
]);

/** What an option of another client is called here; undefined where it is not among `known`. */
export const nameHere = (name: string, known: readonly string[]): string | undefined =>
  elsewhere.get(name.toLowerCase().replaceAll(/[._-]/g, ''))?.find(here => known.includes(here));
