// What a Node team would build for the same front end: Apollo Server 5 on Fastify, pg and DataLoader, over the same
// rows. Only as much of the schema as is measured. Statements are prepared, look-ups are batched, answers are the same.

import { ApolloServer } from "@apollo/server";
import fastifyApollo, { fastifyApolloDrainPlugin } from "@as-integrations/fastify";
import { S3Client, GetObjectCommand } from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import DataLoader from "dataloader";
import Fastify from "fastify";
import { GraphQLError, GraphQLScalarType } from "graphql";
import jwt from "jsonwebtoken";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";

const { DATABASE_URL, JWT_SECRET, S3_ENDPOINT, S3_KEY, S3_SECRET } = process.env;
const BUCKET = "media";
const URL_LIFE = 3600;

pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 16 });
const query = async (name, text, values) => (await pool.query({ name, text, values })).rows;
const s3 = new S3Client({
  endpoint: S3_ENDPOINT,
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId: S3_KEY, secretAccessKey: S3_SECRET },
});

const typeDefs = `#graphql
  scalar DateTime
  scalar ByteSize
  scalar URL
  enum ImageStatus { PENDING UPLOADING PROCESSING COMPLETED FAILED DELETED }
  enum VariantType { THUMBNAIL SMALL MEDIUM LARGE WEBP }
  type Category { id: ID! name: String! }
  type ImageVariant { type: VariantType! url: URL! width: Int! height: Int! fileSize: ByteSize! }
  type Image {
    id: ID! title: String! originalFilename: String! fileSize: ByteSize status: ImageStatus! width: Int height: Int
    tags: [String!]! createdAt: DateTime! category: Category! variants: [ImageVariant!]!
    variant(type: VariantType!): ImageVariant placeholder: String srcSet: String!
  }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type ImageEdge { node: Image! cursor: String! }
  type ImageConnection { edges: [ImageEdge!]! nodes: [Image!]! pageInfo: PageInfo! totalCount: Int! }
  input ImageFilter { search: String }
  type CategoryStats { category: Category! count: Int! totalSize: ByteSize! }
  type StatusStats { status: ImageStatus! count: Int! totalSize: ByteSize! }
  type DayStats { day: String! count: Int! totalSize: ByteSize! }
  type ImageStats {
    totalImages: Int! totalSize: ByteSize! byCategory: [CategoryStats!]! byStatus: [StatusStats!]!
    byDay(days: Int! = 30): [DayStats!]! recentUploads(first: Int! = 5): [Image!]!
  }
  type FormField { name: String! value: String! }
  type UploadTicket { image: Image! url: URL! fields: [FormField!]! expiresAt: DateTime! }
  type UserError { code: String! message: String! }
  type RequestUploadPayload { upload: UploadTicket userErrors: [UserError!]! }
  input RequestUploadInput { filename: String! contentType: String! fileSize: ByteSize! categoryId: ID! }
  type Query {
    image(id: ID!): Image
    images(first: Int = 20, after: String, filter: ImageFilter): ImageConnection!
    imageStats: ImageStats!
  }
  type Mutation { requestUpload(input: RequestUploadInput!): RequestUploadPayload! }
`;

const COLUMNS =
  "id, owner_id, category_id, title, original_filename, stored_size, declared_size, status, width, height, tags, " +
  "file_key, created_at, placeholder";
const ORDER = ["THUMBNAIL", "SMALL", "MEDIUM", "LARGE", "WEBP"];
const scalar = (name) => new GraphQLScalarType({ name, serialize: (value) => value });

const owner = ({ user }) => {
  if (!user) throw new GraphQLError("Sign in first.", { extensions: { code: "UNAUTHENTICATED" } });
  return user.id;
};
const encode = (row) => Buffer.from(JSON.stringify([row.created_at, row.id])).toString("base64url");
const decode = (cursor) => JSON.parse(Buffer.from(cursor, "base64url").toString());
const escaped = (needle) => `%${needle.replace(/[\\%_]/g, "\\$&")}%`;

async function page(user, { first, after, filter }) {
  const [createdAt, id] = after ? decode(after) : ["infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
  const values = [user, createdAt, id, first + 1];
  const search = filter?.search?.trim();
  const matches = search ? "AND (title ILIKE $5 OR description ILIKE $5 OR original_filename ILIKE $5)" : "";
  if (search) values.push(escaped(search));
  const rows = await query(
    search ? "search" : "list",
    `SELECT ${COLUMNS} FROM image WHERE owner_id = $1 AND status = 'completed' AND (created_at, id) < ($2, $3) ${matches}
     ORDER BY created_at DESC, id DESC LIMIT $4`,
    values,
  );
  const nodes = rows.slice(0, first);
  return {
    nodes,
    edges: nodes.map((node) => ({ node, cursor: encode(node) })),
    pageInfo: { hasNextPage: rows.length > first, endCursor: nodes.length ? encode(nodes.at(-1)) : null },
    user,
    search,
  };
}

async function count({ user, search }) {
  const matches = search ? "AND (title ILIKE $2 OR description ILIKE $2 OR original_filename ILIKE $2)" : "";
  const values = search ? [user, escaped(search)] : [user];
  const text = `SELECT count(*) FROM image WHERE owner_id = $1 AND status = 'completed' ${matches}`;
  return (await query(search ? "count_search" : "count", text, values))[0].count;
}

const TOTAL = "count(*) AS count, coalesce(sum(stored_size), 0)::bigint AS total_size";
const VISIBLE = "status NOT IN ('deleted', 'trashed')";

async function stats(user, by, name) {
  const text = `SELECT ${by} AS key, ${TOTAL} FROM image WHERE owner_id = $1 AND ${VISIBLE} GROUP BY 1`;
  return query(name, text, [user]);
}

async function byDay(user, days) {
  const rows = await query(
    "by_day",
    `SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS key, ${TOTAL} FROM image
     WHERE owner_id = $1 AND ${VISIBLE} AND created_at >= $2 GROUP BY 1`,
    [user, new Date(Math.floor(Date.now() / 86_400_000 - days + 1) * 86_400_000)],
  );
  const found = new Map(rows.map((row) => [row.key, row]));
  return Array.from({ length: days }, (_, at) => {
    const day = new Date(Date.now() - (days - 1 - at) * 86_400_000).toISOString().slice(0, 10);
    const row = found.get(day);
    return { day, count: row?.count ?? 0, totalSize: row?.total_size ?? 0 };
  });
}

// The same URL for half of its life, so that caches know it again.
async function signed(key) {
  const now = Math.floor(Date.now() / 1000);
  const signingDate = new Date((now - (now % (URL_LIFE / 2))) * 1000);
  const command = new GetObjectCommand({ Bucket: BUCKET, Key: key });
  return getSignedUrl(s3, command, { expiresIn: URL_LIFE, signingDate });
}

const signedVariant = (image, kind) => signed(image.file_key.replace(/\.[^.]*$/, `_${kind}.webp`));

async function requestUpload(user, input) {
  const [category] = await query(
    "category",
    "SELECT id, slug, max_file_size, allowed_extensions FROM category WHERE id = $1 AND is_active",
    [input.categoryId],
  );
  const extension = input.filename.split(".").at(-1).toLowerCase();
  const errors = [];
  if (!category) errors.push({ code: "CATEGORY_NOT_FOUND", message: "There is no such category." });
  else if (!category.allowed_extensions.includes(extension))
    errors.push({ code: "UNSUPPORTED_EXTENSION", message: "The extension is not allowed here." });
  if (category && input.fileSize > category.max_file_size)
    errors.push({ code: "FILE_TOO_LARGE", message: "The file is too large." });
  if (errors.length) return { upload: null, userErrors: errors };
  const id = uuidv7();
  const now = new Date();
  const day = now.toISOString().slice(0, 10).replaceAll("-", "/");
  const [image] = await query(
    "insert",
    `INSERT INTO image (id, owner_id, category_id, original_filename, content_type, declared_size, file_size, file_key,
       title, description, alt_text, tags, status, revision, bytes_received, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $6, $7, '', '', '', '[]', 'pending', 1, 0, $8, $8) RETURNING ${COLUMNS}`,
    [id, user, category.id, input.filename, input.contentType, input.fileSize,
     `images/${category.slug}/${user}/${day}/${id}.${extension}`, now],
  );
  const { url, fields } = await createPresignedPost(s3, {
    Bucket: BUCKET,
    Key: `incoming/${id}`,
    Fields: { "Content-Type": input.contentType, success_action_status: "201" },
    Conditions: [["content-length-range", input.fileSize, input.fileSize]],
    Expires: URL_LIFE,
  });
  const expiresAt = new Date(now.getTime() + URL_LIFE * 1000);
  const list = Object.entries(fields).map(([name, value]) => ({ name, value }));
  return { upload: { image, url, fields: list, expiresAt }, userErrors: [] };
}

const resolvers = {
  DateTime: new GraphQLScalarType({
    name: "DateTime",
    serialize: (value) => (value instanceof Date ? value.toISOString() : value),
  }),
  ByteSize: scalar("ByteSize"),
  URL: scalar("URL"),
  Query: {
    image: async (_, { id }, context) => {
      const text = `SELECT ${COLUMNS} FROM image WHERE id = $1 AND owner_id = $2 AND ${VISIBLE}`;
      return (await query("image", text, [id, owner(context)]))[0];
    },
    images: (_, args, context) => page(owner(context), args),
    imageStats: (_, __, context) => ({ user: owner(context) }),
  },
  Mutation: { requestUpload: (_, { input }, context) => requestUpload(owner(context), input) },
  ImageConnection: { totalCount: count },
  Image: {
    originalFilename: (image) => image.original_filename,
    fileSize: (image) => image.stored_size ?? image.declared_size,
    status: (image) => image.status.toUpperCase(),
    createdAt: (image) => image.created_at,
    category: (image, _, { categories }) => categories.load(image.category_id),
    variants: async (image, _, { variants }) => {
      const found = await variants.load(image.id);
      return found.map((variant) => ({ ...variant, image }));
    },
    variant: async (image, { type }, { variants }) => {
      const found = (await variants.load(image.id)).find((variant) => variant.kind === type.toLowerCase());
      return found && { ...found, image };
    },
    srcSet: async (image, _, { variants }) => {
      const widths = new Map();
      for (const variant of await variants.load(image.id)) {
        if (!widths.has(variant.width)) widths.set(variant.width, variant);
      }
      const candidates = [...widths.values()].map(async ({ kind, width }) => `${await signedVariant(image, kind)} ${width}w`);
      return (await Promise.all(candidates)).join(", ");
    },
  },
  ImageVariant: {
    type: (variant) => variant.kind.toUpperCase(),
    fileSize: (variant) => variant.file_size,
    url: ({ image, kind }) => signedVariant(image, kind),
  },
  ImageStats: {
    totalImages: async ({ user }) => (await stats(user, "1", "stats_total"))[0]?.count ?? 0,
    totalSize: async ({ user }) => (await stats(user, "1", "stats_total"))[0]?.total_size ?? 0,
    byCategory: async ({ user }) =>
      (await stats(user, "category_id", "stats_category")).toSorted((a, b) => b.count - a.count),
    byStatus: async ({ user }) => {
      const rows = new Map((await stats(user, "status", "stats_status")).map((row) => [row.key, row]));
      return ["PENDING", "UPLOADING", "PROCESSING", "COMPLETED", "FAILED"].map((status) => {
        const row = rows.get(status.toLowerCase());
        return { status, count: row?.count ?? 0, totalSize: row?.total_size ?? 0 };
      });
    },
    byDay: ({ user }, { days }) => byDay(user, days),
    recentUploads: ({ user }, { first }) =>
      query(
        "recent",
        `SELECT ${COLUMNS} FROM image WHERE owner_id = $1 AND ${VISIBLE} ORDER BY created_at DESC, id DESC LIMIT $2`,
        [user, first],
      ),
  },
  CategoryStats: {
    category: (row, _, { categories }) => categories.load(row.key),
    totalSize: (row) => row.total_size,
  },
};

const inOrder = (ids, rows, key) => {
  const found = new Map(rows.map((row) => [row[key], row]));
  return ids.map((id) => found.get(id));
};
const loaders = () => ({
  categories: new DataLoader(async (ids) =>
    inOrder(ids, await query("categories", "SELECT id, name FROM category WHERE id = ANY($1)", [ids]), "id")),
  variants: new DataLoader(async (ids) => {
    const text = "SELECT image_id, kind, width, height, file_size FROM variant WHERE image_id = ANY($1)";
    const rows = await query("variants", text, [ids]);
    rows.sort((a, b) => ORDER.indexOf(a.kind.toUpperCase()) - ORDER.indexOf(b.kind.toUpperCase()));
    return ids.map((id) => rows.filter((row) => row.image_id === id));
  }),
});

async function userOf(request) {
  const token = request.headers.authorization?.replace(/^Bearer /i, "");
  if (!token) return undefined;
  try {
    const { sub } = jwt.verify(token, JWT_SECRET, { algorithms: ["HS256"], issuer: "darkroom" });
    return (await query("user", 'SELECT id, email, is_admin FROM "user" WHERE id = $1', [sub]))[0];
  } catch (error) {
    if (error instanceof jwt.JsonWebTokenError) return undefined;
    throw error;
  }
}

const app = Fastify();
const apollo = new ApolloServer({
  typeDefs,
  resolvers,
  introspection: false,
  plugins: [fastifyApolloDrainPlugin(app)],
});
await apollo.start();
await app.register(fastifyApollo(apollo), {
  path: "/graphql",
  context: async (request) => ({ user: await userOf(request), ...loaders() }),
});
await app.listen({ host: "127.0.0.1", port: 0 });
console.log(`listening on 127.0.0.1:${app.server.address().port}`);
