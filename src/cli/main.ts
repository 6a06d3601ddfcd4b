#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { KafkaError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { packageVersion } from '../base/version.js';
import { dev } from './dev.js';
import { line } from './print.js';
import { tour } from './tour.js';

const usage = `tidemark ${packageVersion}

  tidemark tour [--brokers host:port,...] [--messages 100000]
      Produce, consume, stop half way, resume, and check that nothing was lost. Without --brokers on a cluster of its own.

  tidemark dev [--brokers 3] [--port 9092] [--topic name:partitions]...
      A Kafka cluster in this process, until Ctrl-C. Everything is in memory. Topics are made as --topic says, with 1 partition where it
      names none; others when a client asks to have them created (tidemark's own: allowAutoTopicCreation). --port 0: any free port.

  tidemark --version
  tidemark --help`;

/** A command line that makes no sense. */
class UsageError extends Error {}

const count = (name: string, value: string | undefined, fallback: number, min = 1, max = Number.MAX_SAFE_INTEGER): number => {
  const number = value === undefined ? fallback : Number(value);
  if (value?.trim() !== '' && Number.isSafeInteger(number) && number >= min && number <= max) return number;
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`${name} must be an integer ${range}, got ${JSON.stringify(value)}`);
};

const commands: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  tour: args => {
    const { values } = parseArgs({ args, options: { brokers: { type: 'string' }, messages: { type: 'string' } } });
    return tour({ brokers: values.brokers, messages: count('--messages', values.messages, 100_000) });
  },
  dev: args => {
    const { values } = parseArgs({
      args,
      options: { brokers: { type: 'string' }, port: { type: 'string' }, topic: { type: 'string', multiple: true } },
    });
    const topics = (values.topic ?? []).map((topic): [string, number] => {
      const [name = '', partitions] = topic.split(':');
      return [name, count(`--topic ${name}: the number of partitions`, partitions, 1)];
    });
    const port = count('--port', values.port, 9092, 0, 65_535);
    return dev({ brokers: count('--brokers', values.brokers, 1), port, topics });
  },
};

async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--version' || name === '-v') {
    line(packageVersion);
    return 0;
  }
  if (name === undefined || name === 'help' || [name, ...args].some(arg => arg === '--help' || arg === '-h')) {
    line(usage);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command(args);
  const guess = nearest(name, Object.keys(commands));
  throw new UsageError(`there is no command ${JSON.stringify(name)}${guess === undefined ? '' : `; did you mean "${guess}"?`}`);
}

main(process.argv.slice(2)).then(
  code => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const parsing = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    const known = error instanceof KafkaError || error instanceof UsageError || parsing;
    process.stderr.write(`tidemark: ${known ? (error as Error).message : error instanceof Error ? error.stack : String(error)}\n`);
    if (parsing || error instanceof UsageError) process.stderr.write('tidemark --help lists the commands.\n');
    process.exitCode = parsing || error instanceof UsageError ? 2 : 1;
  },
);
