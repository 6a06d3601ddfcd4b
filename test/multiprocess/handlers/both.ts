export default () => {};
export const handleBatch = () => {};
