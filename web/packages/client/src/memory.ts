// What an upload in parts is found again by after the page was loaded anew: a key for each file, in IndexedDB.

const DATABASE = "darkroom-uploads";
const STORE = "keys";
/** In milliseconds: the server has forgotten what nobody went on with for so long. */
const LIFE = 7 * 24 * 60 * 60 * 1000;

type Kept = { key: string; at: number };

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(failure(request));
  });
}

const failure = ({ error }: IDBRequest) => error ?? new Error("IndexedDB gave no reason.");

async function inStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(failure(request));
    });
  } finally {
    database.close();
  }
}

/** What tells a file from others, without reading it. */
export const fingerprint = (server: URL, file: File, categoryId: string) =>
  [server.href, categoryId, file.name, file.type, file.size, file.lastModified].join("\n");

/** The key of a file that was begun before, or a new one that is kept. Without IndexedDB: a new one each time. */
export async function keyOf(print: string): Promise<string> {
  const kept = await inStore<Kept | undefined>("readonly", (store) => store.get(print) as IDBRequest<Kept | undefined>).catch(
    () => undefined,
  );
  if (kept && Date.now() - kept.at < LIFE) return kept.key;
  const key = crypto.randomUUID();
  await inStore("readwrite", (store) => store.put({ key, at: Date.now() } satisfies Kept, print)).catch(() => undefined);
  return key;
}

export async function forget(print: string): Promise<void> {
  await inStore("readwrite", (store) => store.delete(print)).catch(() => undefined);
}
