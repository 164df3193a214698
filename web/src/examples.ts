// The tabs that are open at the first visit. Each runs as it is.

type Tab = { query: string; variables?: string };

export function examples(categoryId: string | null): Tab[] {
  return [
    {
      query: `# Press the button, or Ctrl-Enter, to run this.
# Without a token you are nobody: sign in above, or
# paste what \`darkroom token you@example.com\` prints.
query WhoAmI {
  me {
    email
    isAdmin
    permissions
  }
}
`,
    },
    {
      query: `# Live: run this, then upload something.
# Every event is the whole state of one upload.
subscription WatchMyUploads {
  myUploads {
    status
    percent
    variantsReady
    variantsTotal
    image {
      id
      originalFilename
    }
    variant {
      type
      url
    }
  }
}
`,
    },
    {
      query: `# Where and how to send one file: post the fields
# in their order as multipart/form-data, then the
# file as "file", then run completeUpload.
mutation AskForATicket($input: RequestUploadInput!) {
  requestUpload(input: $input) {
    upload {
      image {
        id
        status
      }
      url
      expiresAt
      fields {
        name
        value
      }
    }
    userErrors {
      code
      field
      message
    }
  }
}
`,
      variables: JSON.stringify(
        {
          input: {
            filename: "holiday.jpg",
            contentType: "image/jpeg",
            fileSize: 3753621,
            categoryId: categoryId ?? "00000000-0000-7000-8000-000000000000",
          },
        },
        null,
        2,
      ),
    },
    {
      query: `query WhatMayBeUploaded {
  categories {
    id
    name
    maxFileSize
    allowedExtensions
  }
}
`,
    },
    {
      query: `query NewestImages {
  images(first: 10, filter: { status: [PENDING, UPLOADING, PROCESSING, COMPLETED, FAILED] }) {
    totalCount
    nodes {
      id
      status
      originalFilename
      width
      height
      variant(type: SMALL) {
        url
      }
      failure {
        code
        message
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    },
  ];
}
