"""Complete definitions for users to start from; the reference shows them, tests load them."""

from __future__ import annotations

KINDS: dict[str, str] = {
    "Customers": """\
# imports/crm_customers.yaml
kind: customers
source:
  storage:
    folder: exports
    files: '/customers_[0-9]+\\.csv/'
format:
  csv: {delimiter: ";", encoding: cp1250}
timezone: Europe/Bratislava
columns:
  - {from: id, id: registered}
  - {from: web_cookie, id: cookie}
  - {from: fn, to: first_name}
  - {from: birthday, type: date, format: "%d.%m.%Y"}
  - {from: internal_note, discard: true}
  - {to: source, value: crm}
empty: overwrite
run:
  on_new_file: true
""",
    "Events": """\
# imports/purchases.yaml
kind: {events: purchase}
source:
  storage: {folder: exports/orders, files: "purchase_*.csv"}
timezone: Europe/Bratislava
columns:
  - {from: customer, id: registered}
  - {from: ts, timestamp: true}
  - {from: total, type: number}
  - {from: count, type: integer}
run:
  on_new_file: true
""",
    "A catalog": """\
# imports/products.yaml
kind: {catalog: products, product: true, searchable: [title, brand]}
source:
  storage: {folder: exports/catalog, files: products.csv, select: last_modified}
columns:
  - {from: sku, id: item_id}
  - {from: group, id: product_id}
  - {from: title}
  - {from: brand}
  - {from: price, type: number, format: "1 234,50"}
  - {from: categories, type: list, format: "|"}
run:
  daily: ["06:00", "12:30"]
""",
    "Vouchers": """\
# imports/summer_vouchers.yaml
kind: {vouchers: SUMMER10}
source:
  upload: {}
columns:
  - {from: voucher, id: code}
""",
}
"""One complete import of each kind."""

SOURCES: dict[str, str] = {
    "Storage: a folder on this machine": """\
# imports/stock.yaml
kind: {catalog: stock}
source:
  storage:
    folder: exports/stock
    files: '/stock_[0-9]{8}\\.csv/'
    select: last_alphabetically
    settle: 120
columns:
  - {from: sku, id: item_id}
  - {from: on_hand, type: integer}
run:
  weekly: {on: [mon, thu], at: "07:30"}
  until: 2027-01-31
""",
    "Storage: files on SFTP, or in a bucket of Amazon S3 or Google Cloud Storage": """\
# imports/crm_export.yaml
kind: customers
source:
  storage:
    connection: crm_sftp
    folder: /exports
    files: "customers_*.csv.gz"
columns:
  - {from: id, id: registered}
run:
  on_new_file: true
""",
    "URL: a file that a server hands out by HTTPS": """\
# imports/shop_products.yaml
kind: {catalog: products}
source:
  url: {connection: shop_feed, path: /products.csv}
columns:
  - {from: id, id: item_id}
  - {from: price, type: number}
run:
  daily: ["05:30"]
""",
    "Database: the rows of a query that are new": """\
# imports/erp_orders.yaml
kind: {events: order}
source:
  database:
    connection: erp
    query: SELECT id, customer, total, created_at, updated_at FROM orders
    cursor: updated_at
    lag: 600
columns:
  - {from: customer, id: registered}
  - {from: created_at, timestamp: true}
  - {from: id, to: order_id}
run:
  daily: ["06:00", "12:30"]
""",
    "Analysis: what `analyses/top_buyers.sql` gives": """\
# imports/top_buyers.yaml
kind: customers
source:
  analysis: top_buyers
columns:
  - {from: registered, id: registered}
  - {from: purchases, to: purchases_so_far}
run:
  weekly: {on: [mon], at: "04:00"}
""",
    "Paste: text given at each start, or written here": """\
# imports/pilot_customers.yaml
kind: customers
source:
  paste:
    text: |
      id;first_name
      1;Anna
      2;Boris
columns:
  - {from: id, id: registered}
""",
    "Upload: files put into `uploads/<name>`": """\
# imports/fair_contacts.yaml
kind: customers
source:
  upload: {}
columns:
  - {from: email, id: registered, to: email}
  - {from: newsletter, type: boolean, format: yes/no}
  - {to: source, value: fair}
empty: keep
warn_above: 1%
description: Contacts of the autumn fair, typed by hand
owners: [team:events]
run:
  on_new_file: true
""",
}
"""One complete import from each source."""

PROJECT = """\
# project.yaml
timezone: UTC
identifiers:
  registered: {hard: true, trim: true, lowercase: true}
  cookie: {hard: false}
warehouse: data/warehouse.duckdb
staging: data/staging
limits: {rows: 2_000_000, searchable: 10}
connections:
  crm_sftp: {sftp: {host: sftp.example.com, user: importer, password_env: CRM_SFTP_PASSWORD}}
  lake: {s3: {bucket: acme-exports, region: eu-central-1}}
  shop_feed: {http: {address: "https://shop.example.com/feeds"}}
  erp: {sql: {url: "postgresql://reader@db.example.com/erp", password_env: ERP_PASSWORD}}
"""
"""A complete project file."""
