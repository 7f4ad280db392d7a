-- Who bought most. An import reads this by `source: {analysis: top_buyers}`.
SELECT registered, count(*) AS purchases, round(sum(total), 2) AS spent, max(timestamp) AS last_purchase
FROM events.purchase
JOIN customers USING (customer_id)
WHERE registered IS NOT NULL
GROUP BY registered
ORDER BY spent DESC, registered
LIMIT 100
