-- What ActiveRecord's migrations run, statement by statement: each migration in a transaction, but for those that
-- make an index concurrently.
SELECT pg_try_advisory_lock(4856208764215);
CREATE TABLE "schema_migrations" ("version" character varying NOT NULL PRIMARY KEY);
BEGIN;
CREATE TABLE "products" ("id" uuid DEFAULT gen_random_uuid() NOT NULL PRIMARY KEY, "name" character varying, "price" decimal(8,2), "created_at" timestamp(6) DEFAULT CURRENT_TIMESTAMP NOT NULL);
CREATE TABLE "reviews" ("id" uuid DEFAULT gen_random_uuid() NOT NULL PRIMARY KEY, "product_id" uuid NOT NULL, "stars" integer);
CREATE INDEX "index_products_on_name" ON "products" ("name");
SELECT officesync.track('products');
SELECT officesync.track('reviews');
INSERT INTO "products" ("name", "price") VALUES ('tea', NULL), ('milk', 1.5);
INSERT INTO "schema_migrations" ("version") VALUES ('20240101000001') RETURNING "version";
COMMIT;

-- the branch is away from here on
BEGIN;
ALTER TABLE "products" ADD "sku" character varying DEFAULT '' NOT NULL;
ALTER TABLE "products" ADD "active" boolean DEFAULT TRUE;
UPDATE "products" SET "sku" = upper("name");
CREATE UNIQUE INDEX "index_products_on_sku_and_name" ON "products" ("sku", "name");
ALTER TABLE "products" ALTER COLUMN "price" TYPE decimal(12,4), ALTER COLUMN "price" SET DEFAULT 0.0;
UPDATE "products" SET "price" = 0.0 WHERE "price" IS NULL;
ALTER TABLE "products" ALTER COLUMN "price" SET NOT NULL;
COMMIT;
BEGIN;
DELETE FROM "reviews" WHERE NOT EXISTS (SELECT FROM "products" WHERE "products"."id" = "reviews"."product_id");
ALTER TABLE "reviews" ADD CONSTRAINT "fk_rails_bedd9094d4" FOREIGN KEY ("product_id") REFERENCES "products" ("id") NOT VALID;
ALTER TABLE "reviews" VALIDATE CONSTRAINT "fk_rails_bedd9094d4";
ALTER TABLE "reviews" RENAME COLUMN "stars" TO "rating";
COMMENT ON COLUMN "reviews"."rating" IS 'one to five';
ALTER TABLE "products" RENAME TO "articles";
ALTER INDEX "products_pkey" RENAME TO "articles_pkey";
ALTER INDEX "index_products_on_name" RENAME TO "index_articles_on_name";
ALTER TABLE "articles" DROP COLUMN "active";
COMMIT;
CREATE INDEX CONCURRENTLY IF NOT EXISTS "index_reviews_on_product_id" ON "reviews" USING btree ("product_id");
DROP INDEX CONCURRENTLY IF EXISTS "index_articles_on_name";
SELECT pg_advisory_unlock(4856208764215);
