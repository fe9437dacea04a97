// Shows the contract. A file of its own, so that the page's policy can refuse every script that stands in a page.
SwaggerUIBundle({
  url: '/api/openapi.yaml',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null, // or it would send the contract's address to a validator elsewhere
})
