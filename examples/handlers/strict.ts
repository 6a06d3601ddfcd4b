// What the threads of dead-letters.ts do: it cannot cope with everything.
import type { MessageHandler } from 'tidemark';

const handler: MessageHandler = ({ value }) => {
  const { item } = JSON.parse(String(value));
  return item;
};
export default handler;
